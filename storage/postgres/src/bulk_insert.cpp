#include "bulk_insert.hpp"

#include <algorithm>

#include "pharox/rules/catalog.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

namespace {

constexpr std::size_t lines_at_once = 1'000;

void copy(const Database& database, Connection& connection, const std::vector<Proxy>& proxies) {
    connection.command(database.text(sql::create_staging));
    std::size_t next = 0;
    connection.copy_in(database.text(sql::copy_staging), [&](std::string& lines) {
        lines.clear();
        const std::size_t end = std::min(next + lines_at_once, proxies.size());
        for (; next < end; ++next) append_copy_line(lines, static_cast<std::int64_t>(next), proxies[next]);
        return !lines.empty();
    });
    connection.command(database.text(sql::analyze_staging));
}

}  // namespace

BulkInsert insert_by_copy(const Database& database, Connection& connection, const std::vector<Proxy>& proxies,
                          DuplicatePolicy policy) {
    const auto run = [&](StatementId id) { return connection.execute(database.text(id), {}, Plan::once); };
    const auto proxy_at = [&](std::int64_t position) -> const Proxy& {
        return proxies[static_cast<std::size_t>(position)];
    };
    connection.extend_timeout();
    copy(database, connection, proxies);
    run(sql::lock_bulk_insert);
    BulkInsert bulk;
    const Rows pools = run(sql::lock_staged_pools);
    for (int row = 0; row < pools.size(); ++row) bulk.pools.emplace(pools.text(row, 0));
    const Rows unknown = run(sql::unknown_staged_pool);
    if (unknown.size() > 0) rules::check_new(proxy_at(unknown.integer(0, 0)), false, std::nullopt);

    const auto total = static_cast<std::int64_t>(proxies.size());
    AddProxiesResult& result = bulk.result;
    if (policy == DuplicatePolicy::reject) {
        connection.command("SAVEPOINT before_insert");
        try {
            result.added = run(sql::insert_staged).changed();
        } catch (const ServerError& error) {
            if (!is_duplicate(error)) throw;
            connection.command("ROLLBACK TO before_insert");
            const Rows conflict = run(sql::first_staged_conflict);
            if (conflict.size() == 0) throw;  // another transaction has removed the duplicate
            const Proxy& proxy = proxy_at(conflict.integer(0, 0));
            rules::check_new(proxy, true, conflict.flag(0, 1) ? proxy.id : ProxyId());
        }
    } else if (policy == DuplicatePolicy::skip) {
        result.added = run(sql::insert_staged_or_skip).changed();
        result.skipped = total - result.added;
    } else {
        result.added = run(sql::insert_staged_or_keep).integer(0, 0);
        result.updated = total - result.added;
        if (result.updated == 0) return bulk;
        run(sql::lock_staged_holders);
        run(sql::update_staged);
        const Rows rest = run(sql::staged_positions);
        for (int row = 0; row < rest.size(); ++row) bulk.to_update.push_back(proxy_at(rest.integer(row, 0)));
    }
    return bulk;
}

}  // namespace pharox::postgres
