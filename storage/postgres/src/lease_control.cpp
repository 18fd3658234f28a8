#include "lease_control.hpp"

#include <map>
#include <span>
#include <utility>

#include "pharox/rules/catalog.hpp"
#include "pharox/rules/retention.hpp"

namespace pharox::postgres {

RenewResult LeaseControl::renew_lease(const RenewRequest& request) {
    validate_lease_duration(request.duration);
    const Operation operation{.name = "renew_lease", .lease = request.lease_id};
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(
            database_.text(sql::renew_lease),
            Parameters().add(request.lease_id).add(std::int64_t{request.duration.count()}));
    });
    if (rows.size() > 0) return {.renewed = true, .lease = read_lease(rows, 0, 0)};
    return {.renewed = false, .lease = get_lease({.lease_id = request.lease_id})};
}

std::vector<RenewResult> LeaseControl::renew_many(const std::vector<RenewRequest>& requests) {
    for (const RenewRequest& request : requests) validate_lease_duration(request.duration);
    std::map<LeaseId, Lease> renewed;
    if (requests.size() > 1) {
        std::map<LeaseId, std::int64_t> durations;
        for (const RenewRequest& request : requests) {
            durations.try_emplace(request.lease_id, request.duration.count());
        }
        std::vector<UuidBytes> ids;
        std::vector<std::int64_t> counts;
        for (const auto& [id, duration] : durations) {
            ids.push_back(id.bytes());
            counts.push_back(duration);
        }
        const Rows rows = database_.run({.name = "renew_many"}, Repeat::always, [&](Connection& connection) {
            return connection.execute(
                database_.text(sql::renew_leases),
                Parameters().add(std::span<const UuidBytes>(ids)).add(std::span<const std::int64_t>(counts)));
        });
        for (int row = 0; row < rows.size(); ++row) {
            Lease lease = read_lease(rows, row, 0);
            const LeaseId id = lease.id;
            renewed.emplace(id, std::move(lease));
        }
    }
    std::vector<RenewResult> results;
    results.reserve(requests.size());
    for (const RenewRequest& request : requests) {
        // One by one: what has ended, what another transaction has locked, and the same id again.
        if (auto lease = renewed.extract(request.lease_id)) {
            results.push_back({.renewed = true, .lease = std::move(lease.mapped())});
        } else {
            results.push_back(renew_lease(request));
        }
    }
    return results;
}

std::optional<Lease> LeaseControl::get_lease(const GetLeaseRequest& request) {
    const Operation operation{.name = "get_lease", .lease = request.lease_id};
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::lease_by_id), Parameters().add(request.lease_id));
    });
    if (rows.size() == 0) return std::nullopt;
    return rules::as_remembered(read_lease(rows, 0, 1), rows.time(0, 0), database_.options().retention);
}

Page<Lease> LeaseControl::list_leases(const ListLeasesRequest& request) {
    validate(request);
    const auto given = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional<std::string>(text);
    };
    std::optional<UuidBytes> proxy;
    if (request.proxy_id) proxy = request.proxy_id->bytes();
    std::optional<std::int16_t> status;
    if (request.status) status = static_cast<std::int16_t>(*request.status);
    Parameters parameters;
    parameters.add(request.after.empty() ? LeaseId() : LeaseId::parse(request.after))
        .add(static_cast<std::int64_t>(request.limit + 1))  // one more tells that there are more
        .add(std::int64_t{database_.options().retention.count()})
        .add(given(request.pool))
        .add(given(request.consumer))
        .add(proxy)
        .add(status);
    const Rows rows = database_.run({.name = "list_leases"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::list_leases), parameters, Plan::once);
    });
    std::vector<Lease> leases;
    for (int row = 0; row < rows.size(); ++row) {
        leases.push_back(as_of(read_lease(rows, row, 1), rows.time(row, 0)));
    }
    return rules::page_by_id(std::move(leases), request.limit);
}

PoolStats LeaseControl::pool_stats(const PoolStatsRequest& request) {
    const Rows rows = database_.run({.name = "get_pool_stats"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::pool_stats), Parameters().add(request.pool));
    });
    if (rows.is_null(0, 0)) return std::nullopt;
    return PoolStatsSnapshot{.pool_name = request.pool,
                             .total_proxies = rows.integer(0, 2),
                             .active_proxies = rows.integer(0, 3),
                             .available_proxies = rows.integer(0, 4),
                             .leased_proxies = rows.integer(0, 5),
                             .total_leases = rows.integer(0, 6),
                             .collected_at = rows.time(0, 1)};
}

}  // namespace pharox::postgres
