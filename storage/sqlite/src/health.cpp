#include "health.hpp"

#include <algorithm>

#include "live_proxy.hpp"
#include "pharox/errors.hpp"
#include "pharox/rules/health.hpp"
#include "pharox/rules/retention.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

// Each save deletes more old records than it adds, so that the table stays bounded without cleanups.
constexpr int pruned_by_save = 4;

void bind_result(Statement& statement, const HealthCheckResult& result) {
    statement.bind(result.proxy_id)
        .bind(static_cast<int>(result.status))
        .bind(result.latency_ms)
        .bind(static_cast<int>(result.protocol))
        .bind(result.attempts)
        .bind(result.status_code)
        .bind(result.checked_at)
        .bind(code_of(result.failure))
        .bind(result.error_message);
}

void bind_record(Statement& statement, const ProxyHealthRecord& record) {
    statement.bind(record.id)
        .bind(record.proxy_id)
        .bind(record.checked_at)
        .bind(record.reachable)
        .bind(record.latency_ms)
        .bind(static_cast<int>(record.protocol))
        .bind(code_of(record.status_before))
        .bind(static_cast<int>(record.status_after))
        .bind(code_of(record.failure))
        .bind(record.error);
}

std::optional<Timestamp> last_checked_at(WriteTransaction& transaction, ProxyId proxy) {
    Statement row = transaction.prepare(sql::last_checked_at);
    if (!row.bind(proxy).step()) return std::nullopt;
    return row.time(0);
}

}  // namespace

std::optional<Proxy> HealthLog::apply_health_check_result(const HealthCheckResult& result) {
    HealthCheckResult checked = validated(result);
    WriteTransaction transaction(database_, {.name = "apply_health_check_result"}, Durability::process);
    const Timestamp now = transaction.now();
    checked.checked_at = std::min(checked.checked_at, now);
    Proxy proxy;
    {
        Statement row = transaction.prepare(sql::proxy_by_id);
        if (!row.bind(checked.proxy_id).step()) return std::nullopt;
        proxy = read_proxy(row);
    }
    if (!rules::apply_health(proxy, checked, last_checked_at(transaction, proxy.id))) {
        return find_live_proxy(transaction.connection(), now, proxy.id);
    }
    transaction.prepare(sql::apply_health_check_result)
        .bind(static_cast<int>(proxy.status))
        .bind(proxy.checked_at)
        .bind(proxy.latency_ms)
        .bind(is_available(proxy))
        .bind(proxy.id)
        .run();
    {
        Statement put = transaction.prepare(sql::put_health_result);
        bind_result(put, checked);
        put.run();
    }
    auto applied = find_live_proxy(transaction.connection(), now, proxy.id);
    if (Statement pool = transaction.prepare(sql::pool_by_id); pool.bind(proxy.pool_id).step()) {
        transaction.makes_available(read_pool(pool).name);
    }
    transaction.commit();
    return applied;
}

std::optional<HealthCheckResult> HealthLog::get_last_health_result(ProxyId proxy) {
    ReadTransaction transaction(database_, {.name = "get_last_health_result"});
    Statement row = transaction.prepare(sql::health_result_of_proxy);
    if (!row.bind(proxy).step()) return std::nullopt;
    return read_health_result(row);
}

void HealthLog::save_health_record(const ProxyHealthRecord& record) {
    const ProxyHealthRecord checked = validated(record);
    const Options& options = database_.options();
    WriteTransaction transaction(database_, {.name = "save_health_record"}, Durability::process);
    if (!transaction.prepare(sql::proxy_by_id).bind(checked.proxy_id).step()) {
        throw ProxyNotFoundError(checked.proxy_id);
    }
    {
        Statement insert = transaction.prepare(sql::insert_health_record);
        bind_record(insert, checked);
        insert.run();
    }
    if (transaction.connection().changes() == 0) {
        throw ConflictError("id", checked.id.to_string(), "is the id of another record");
    }
    transaction.prepare(sql::prune_records_of_proxy)
        .bind(checked.proxy_id)
        .bind(static_cast<std::int64_t>(options.health_records_per_proxy))
        .run();
    prune_health_records(transaction, pruned_by_save);
    transaction.commit();
}

std::vector<ProxyHealthRecord> HealthLog::list_health_records(const ListHealthRecordsRequest& request) {
    validate(request);
    ReadTransaction transaction(database_, {.name = "list_health_records"});
    const Timestamp now = transaction.now();
    Statement rows = transaction.prepare(sql::list_health_records);
    rows.bind(request.proxy_id)
        .bind(rules::forgotten_until(now, database_.options().health_retention))
        .bind(static_cast<std::int64_t>(request.limit));
    std::vector<ProxyHealthRecord> records;
    while (rows.step()) records.push_back(read_health_record(rows));
    return records;
}

std::int64_t prune_health_records(WriteTransaction& transaction, int limit) {
    const Timestamp latest =
        rules::forgotten_until(transaction.now(), transaction.database().options().health_retention);
    transaction.prepare(sql::prune_health_records).bind(latest).bind(limit).run();
    return transaction.connection().changes();
}

}  // namespace pharox::sqlite
