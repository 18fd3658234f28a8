#include "health_log.hpp"

#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "pharox/rules/health.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

std::optional<Proxy> HealthLog::apply_health_check_result(const HealthCheckResult& result) {
    const HealthCheckResult checked = validated(result);
    const bool reachable = rules::is_reachable(checked.status);
    bool applied = false;
    const Rows rows =
        database_.run({.name = "apply_health_check_result"}, Repeat::always, [&](Connection& connection) {
            Rows changed = connection.execute(database_.text(sql::apply_health),
                                              Parameters()
                                                  .add(checked.proxy_id)
                                                  .add(checked.checked_at)
                                                  .add(static_cast<std::int16_t>(checked.status))
                                                  .add(reachable ? checked.latency_ms : std::nullopt)
                                                  .add(to_json(checked)));
            applied = changed.size() > 0;
            if (applied) return changed;
            // A newer result is stored, or the proxy is unknown.
            return connection.execute(database_.text(sql::proxy_by_id), Parameters().add(checked.proxy_id));
        });
    if (rows.size() == 0) return std::nullopt;
    if (applied) on_available_(rows.text(0, proxy_column_count));
    return read_proxy(rows, 0, 0);
}

std::optional<HealthCheckResult> HealthLog::get_last_health_result(ProxyId proxy) {
    const Rows rows =
        database_.run({.name = "get_last_health_result"}, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.text(sql::last_health), Parameters().add(proxy));
        });
    if (rows.size() == 0) return std::nullopt;
    auto result = from_json<HealthCheckResult>(rows.json(0, 1));
    result.checked_at = rows.time(0, 0);  // one from the future counts as now
    return result;
}

void HealthLog::save_health_record(const ProxyHealthRecord& record) {
    const ProxyHealthRecord checked = validated(record);
    database_.run({.name = "save_health_record"}, Repeat::unsent, [&](Connection& connection) {
        const Rows rows = connection.execute(
            database_.text(sql::insert_health_record),
            Parameters().add(checked.id).add(checked.proxy_id).add(checked.checked_at).add(to_json(checked)));
        if (!rows.flag(0, 0)) throw ProxyNotFoundError(checked.proxy_id);
        if (!rows.flag(0, 1))
            throw ConflictError("id", checked.id.to_string(), "is the id of another record");
    });
    const Options& options = database_.options();
    database_.run({.name = "save_health_record"}, Repeat::always, [&](Connection& connection) {
        connection.execute(database_.text(sql::prune_health_records),
                           Parameters()
                               .add(checked.proxy_id)
                               .add(static_cast<std::int64_t>(options.health_records_per_proxy))
                               .add(std::int64_t{options.health_retention.count()}));
    });
}

std::vector<ProxyHealthRecord> HealthLog::list_health_records(const ListHealthRecordsRequest& request) {
    validate(request);
    const Rows rows =
        database_.run({.name = "list_health_records"}, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.text(sql::list_health_records),
                                      Parameters()
                                          .add(request.proxy_id)
                                          .add(static_cast<std::int64_t>(request.limit))
                                          .add(std::int64_t{database_.options().health_retention.count()}));
        });
    std::vector<ProxyHealthRecord> records;
    for (int row = 0; row < rows.size(); ++row) {
        records.push_back(from_json<ProxyHealthRecord>(rows.json(row, 0)));
    }
    return records;
}

}  // namespace pharox::postgres
