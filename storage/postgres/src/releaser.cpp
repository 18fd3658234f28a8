#include "releaser.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "pharox/rules/retention.hpp"

namespace pharox::postgres {

ReleaseResult Releaser::release(const ReleaseRequest& request) {
    ReleaseResult result = end("release_lease", request.lease_id, ReleaseReason::released);
    if (result.released) collector_.prune_after(1);
    return result;
}

ReleaseResult Releaser::revoke(const RevokeRequest& request) {
    return end("revoke_lease", request.lease_id, ReleaseReason::revoked);
}

ReleaseResult Releaser::end(std::string_view name, LeaseId id, ReleaseReason reason) {
    const ContentionSpreading::Call executing(spreading_);
    BatchedLeaseCall call(id);
    const Operation operation{.name = name, .lease = id, .in_doubt = &call.in_doubt};
    const auto end_alone = [&] {
        const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(
                database_.text(sql::end_lease),
                Parameters().add(id).add(static_cast<std::int16_t>(reason)).add(call.call));
        });
        if (rows.size() > 0) call.ended = read_lease(rows, 0, 0);
    };
    bool executed_alone = false;
    if (reason == ReleaseReason::released && batches_.release_breaker().closed()) {
        batches_.execute(call, [&] {
            end_alone();
            executed_alone = true;
        });
        if (call.unavailable) fail(operation, *call.unavailable, false);
        if (!executed_alone) batches_.release_breaker().report(call.ended ? 1 : 0, call.ended ? 0 : 1);
    }
    for (;; executed_alone = false) {
        if (!call.ended && !executed_alone) end_alone();
        if (call.ended) {
            on_available_(call.ended->pool_name);
            return {.released = true, .lease = std::move(call.ended)};
        }
        const std::array<UuidBytes, 1> ids = {id.bytes()};
        std::map<LeaseId, ReleaseResult> found = recorded(operation, ids, call.call);
        if (found.empty()) return {};
        // An active one was made or renewed meanwhile: no statement has ended it.
        if (found.begin()->second.lease->status == LeaseStatus::released)
            return std::move(found.begin()->second);
    }
}

std::vector<ReleaseResult> Releaser::release_many(const std::vector<ReleaseRequest>& requests) {
    const Operation operation{.name = "release_many"};
    const std::int64_t call = new_call_key();
    std::vector<UuidBytes> ids;
    ids.reserve(requests.size());
    for (const ReleaseRequest& request : requests) ids.push_back(request.lease_id.bytes());
    std::map<LeaseId, ReleaseResult> found;
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::end_leases),
                                  Parameters()
                                      .add(std::span<const UuidBytes>(ids))
                                      .add(static_cast<std::int16_t>(ReleaseReason::released))
                                      .add(call));
    });
    for (int row = 0; row < rows.size(); ++row) {
        Lease lease = read_lease(rows, row, 0);
        const LeaseId id = lease.id;
        found[id] = {.released = true, .lease = std::move(lease)};
    }
    for (const auto& [id, result] : found) on_available_(result.lease->pool_name);
    std::erase_if(ids, [&](const UuidBytes& id) { return found.contains(LeaseId(id)); });
    if (!ids.empty()) found.merge(recorded(operation, ids, call));
    std::vector<ReleaseResult> results;
    results.reserve(requests.size());
    for (const ReleaseRequest& request : requests) {
        ReleaseResult& result = found[request.lease_id];
        results.push_back(result);
        result.released = false;  // for the same id again in the same call
    }
    collector_.prune_after(static_cast<std::size_t>(rows.size()));
    return results;
}

std::map<LeaseId, ReleaseResult> Releaser::recorded(const Operation& operation,
                                                    std::span<const UuidBytes> ids, std::int64_t call) {
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::leases_by_id), Parameters().add(ids).add(call));
    });
    std::map<LeaseId, ReleaseResult> found;
    bool any_own = false;
    for (int row = 0; row < rows.size(); ++row) {
        const Timestamp now = rows.time(row, 0);
        Lease lease = as_of(read_lease(rows, row, 2), now);
        const bool own = rows.flag(row, 1) && lease.status == LeaseStatus::released;
        any_own = any_own || own;
        if (!own && rules::is_forgotten(lease, now, database_.options().retention)) continue;
        const LeaseId id = lease.id;
        found[id] = {.released = own, .lease = std::move(lease)};
    }
    if (any_own) on_available_({});
    return found;
}

}  // namespace pharox::postgres
