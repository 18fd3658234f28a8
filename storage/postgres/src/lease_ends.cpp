// How leases end, go on, and are forgotten.
#include <algorithm>
#include <array>
#include <utility>

#include "company.hpp"
#include "lease_queries.hpp"
#include "leasing.hpp"
#include "maintenance.hpp"

namespace pharox::postgres {

namespace {

constexpr std::int64_t collect_batch = 500;
constexpr std::int64_t prune_batch = 2'000;
constexpr std::chrono::seconds between_collections(1);
constexpr std::size_t ended_between_prunings = 1'000;
constexpr std::chrono::minutes between_looks(1);

std::vector<Lease> read_leases(const Rows& rows, int first) {
    std::vector<Lease> leases;
    for (int row = 0; row < rows.size(); ++row) leases.push_back(read_lease(rows, row, first));
    return leases;
}

}  // namespace

bool Leasing::is_forgotten(const Lease& lease, Timestamp now) const {
    return lease.released_at && *lease.released_at + database_.options().retention <= now;
}

ReleaseResult Leasing::release(const ReleaseRequest& request) {
    ReleaseResult result = end("release_lease", request.lease_id, ReleaseReason::released);
    if (result.released) prune_after(1);
    return result;
}

ReleaseResult Leasing::revoke_lease(const RevokeRequest& request) {
    return end("revoke_lease", request.lease_id, ReleaseReason::revoked);
}

ReleaseResult Leasing::end(std::string_view name, LeaseId id, ReleaseReason reason) {
    const Crowd::Call in_progress(crowd_);
    InCompany me(id);
    const Operation operation{.name = name, .lease = id, .in_doubt = &me.in_doubt};
    const auto end_alone = [&] {
        const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(
                end_lease_, Parameters().add(id).add(static_cast<std::int16_t>(reason)).add(me.call));
        });
        if (rows.size() > 0) me.ended = read_lease(rows, 0, 0);
    };
    bool asked = false;
    if (reason == ReleaseReason::released && crowd_.releases_go_together()) {
        go(me, [&] {
            end_alone();
            asked = true;
        });
        if (me.unavailable) fail(operation, *me.unavailable, false);
    }
    for (;; asked = false) {
        if (!me.ended && !asked) end_alone();
        if (me.ended) {
            on_available_(me.ended->pool_name);
            return {.released = true, .lease = std::move(me.ended)};
        }
        const std::array<UuidBytes, 1> ids = {id.bytes()};
        std::map<LeaseId, ReleaseResult> found = ended_before(operation, ids, me.call);
        if (found.empty()) return {};
        // An active one was not ended by that statement, nor by another: it was made, or renewed, meanwhile.
        if (found.begin()->second.lease->status == LeaseStatus::released)
            return std::move(found.begin()->second);
    }
}

std::vector<ReleaseResult> Leasing::release_many(const std::vector<ReleaseRequest>& requests) {
    const Operation operation{.name = "release_many"};
    const std::int64_t call = new_call_key();
    std::vector<UuidBytes> ids;
    ids.reserve(requests.size());
    for (const ReleaseRequest& request : requests) ids.push_back(request.lease_id.bytes());
    std::map<LeaseId, ReleaseResult> found;
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::end_leases),
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
    if (!ids.empty()) found.merge(ended_before(operation, ids, call));
    std::vector<ReleaseResult> results;
    results.reserve(requests.size());
    for (const ReleaseRequest& request : requests) {
        ReleaseResult& result = found[request.lease_id];
        results.push_back(result);
        result.released = false;  // the same one again in the same call
    }
    prune_after(static_cast<std::size_t>(rows.size()));
    return results;
}

/// Those among the leases that are remembered; `released` are those that this call ended, whose answer was
/// lost.
std::map<LeaseId, ReleaseResult> Leasing::ended_before(const Operation& operation,
                                                       std::span<const UuidBytes> ids, std::int64_t call) {
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::leases_by_id), Parameters().add(ids).add(call));
    });
    std::map<LeaseId, ReleaseResult> found;
    bool some_are_ours = false;
    for (int row = 0; row < rows.size(); ++row) {
        const Timestamp now = rows.time(row, 0);
        Lease lease = as_of(read_lease(rows, row, 2), now);
        const bool ours = rows.flag(row, 1) && lease.status == LeaseStatus::released;
        some_are_ours = some_are_ours || ours;
        if (!ours && is_forgotten(lease, now)) continue;
        const LeaseId id = lease.id;
        found[id] = {.released = ours, .lease = std::move(lease)};
    }
    if (some_are_ours) on_available_({});
    return found;
}

RenewResult Leasing::renew_lease(const RenewRequest& request) {
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

std::optional<Lease> Leasing::get_lease(const GetLeaseRequest& request) {
    const Operation operation{.name = "get_lease", .lease = request.lease_id};
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::lease_by_id),
                                  Parameters().add(request.lease_id));
    });
    if (rows.size() == 0) return std::nullopt;
    const Timestamp now = rows.time(0, 0);
    Lease lease = as_of(read_lease(rows, 0, 1), now);
    if (is_forgotten(lease, now)) return std::nullopt;
    return lease;
}

Page<Lease> Leasing::list_leases(const ListLeasesRequest& request) {
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
        .add(static_cast<std::int64_t>(request.limit + 1))  // the last tells that there is more
        .add(std::int64_t{database_.options().retention.count()})
        .add(given(request.pool))
        .add(given(request.consumer))
        .add(proxy)
        .add(status);
    const Rows rows = database_.run({.name = "list_leases"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::list_leases), parameters, Plan::once);
    });
    Page<Lease> page;
    for (int row = 0; row < rows.size(); ++row) {
        page.items.push_back(as_of(read_lease(rows, row, 1), rows.time(row, 0)));
    }
    if (page.items.size() > request.limit) {
        page.items.pop_back();
        page.next = page.items.back().id.to_string();
    }
    return page;
}

CleanupResult Leasing::cleanup(const CleanupRequest& request) {
    const Operation operation{.name = "cleanup_expired_leases"};
    Expired expired(reports_);
    expired.add(collect(operation, true));
    while (prune_some()) {
    }
    look_for_transactions_now_and_then();
    CleanupResult result{.leases = expired.take()};
    result.count = static_cast<std::int64_t>(result.leases.size());
    if (!request.collect) result.leases.clear();
    // Among them are those that earlier calls ended and could not report.
    std::ranges::sort(result.leases, [](const Lease& left, const Lease& right) {
        return std::pair(left.expires_at, left.id) < std::pair(right.expires_at, right.id);
    });
    return result;
}

/// Whether there may be more.
bool Leasing::collect_some(const Operation& operation, bool wait, std::vector<Lease>& ended) {
    std::vector<Lease> batch = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return read_leases(
            connection.execute(database_.in_schema(wait ? query::collect_due : query::collect_unlocked),
                               Parameters().add(collect_batch)),
            0);
    });
    // Another call may have ended a part of the batch.
    const bool more = wait ? !batch.empty() : batch.size() == static_cast<std::size_t>(collect_batch);
    ended.insert(ended.end(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
    return more;
}

std::vector<Lease> Leasing::collect(const Operation& operation, bool wait) {
    std::vector<Lease> ended;
    while (collect_some(operation, wait, ended)) {
    }
    for (const Lease& lease : ended) on_available_(lease.pool_name);
    prune_after(ended.size());
    return ended;
}

/// After a lease was granted: now and then, a batch at most, and no reason for that lease to fail.
void Leasing::collect_into(Expired& expired, const Operation& operation) {
    const auto now = std::chrono::steady_clock::now();
    SteadyTime planned = next_collection_.load();
    if (now < planned || !next_collection_.compare_exchange_strong(planned, now + between_collections))
        return;
    std::vector<Lease> ended;
    try {
        if (collect_some({.name = operation.name}, false, ended)) next_collection_ = now;  // by the next one
    } catch (const StorageError& error) {
        database_.warn(error.what());
    }
    if (ended.empty()) return;
    for (const Lease& lease : ended) on_available_(lease.pool_name);
    const std::size_t count = ended.size();
    expired.add(std::move(ended));
    prune_after(count);
}

/// What is remembered stays bounded while nobody calls for it: twice as many may be forgotten as have ended.
void Leasing::prune_after(std::size_t ended) {
    // The first one that ends has a turn, and then every so many.
    const auto turns_until = [](std::size_t count) {
        return (count + ended_between_prunings - 1) / ended_between_prunings;
    };
    const std::size_t before = ended_.fetch_add(ended, std::memory_order_relaxed);
    std::size_t turns = turns_until(before + ended) - turns_until(before);
    if (turns == 0) return;
    while (turns > 0 && prune_some()) --turns;
    look_for_transactions_now_and_then();
}

/// Whether there may be more. No reason for a call to fail.
bool Leasing::prune_some() {
    try {
        const std::int64_t pruned =
            database_.run({.name = "prune"}, Repeat::always, [&](Connection& connection) {
                return connection
                    .execute(database_.in_schema(query::prune_leases),
                             Parameters()
                                 .add(std::int64_t{database_.options().retention.count()})
                                 .add(prune_batch))
                    .changed();
            });
        return pruned == prune_batch;
    } catch (const StorageError& error) {
        database_.warn(error.what());
        return false;
    }
}

void Leasing::look_for_transactions_now_and_then() {
    try {
        const auto now = std::chrono::steady_clock::now();
        SteadyTime planned = next_look_.load();
        if (now >= planned && next_look_.compare_exchange_strong(planned, now + between_looks)) {
            look_for_open_transactions(database_);
        }
    } catch (const StorageError& error) {
        database_.warn(error.what());
    }
}

PoolStats Leasing::pool_stats(const PoolStatsRequest& request) {
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
