// Release, renewal, cleanup, and what can be asked about leases.
#include <algorithm>

#include "health.hpp"
#include "leasing.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

// So often a release forgets old leases too: the table stays bounded where nobody calls cleanup.
constexpr unsigned releases_between_prunings = 256;

}  // namespace

ReleaseResult Leasing::release(const ReleaseRequest& request) {
    return end_now(request.lease_id, ReleaseReason::released,
                   {.name = "release_lease", .lease = request.lease_id});
}

ReleaseResult Leasing::revoke_lease(const RevokeRequest& request) {
    return end_now(request.lease_id, ReleaseReason::revoked,
                   {.name = "revoke_lease", .lease = request.lease_id});
}

ReleaseResult Leasing::end_now(LeaseId id, ReleaseReason reason, const Operation& operation) {
    WriteTransaction transaction(database_, operation);
    ReleaseResult result = end_now(transaction, id, reason);
    if (!result.released) return result;
    prune_sometimes(transaction, 1);
    transaction.commit();
    return result;
}

ReleaseResult Leasing::end_now(WriteTransaction& transaction, LeaseId id, ReleaseReason reason) {
    Lease lease;
    bool opens = false;
    {
        Statement row = transaction.prepare(sql::release_context);
        row.bind(id).step();
        transaction.set_state(row.time(0), row.integer(1), row.integer(2));
        if (row.is_null(4)) return {};
        opens = row.integer(3) != 0;
        lease = as_of(read_lease(row, 4), transaction.now());
    }
    const Timestamp now = transaction.now();
    if (lease.status == LeaseStatus::released) {
        if (is_forgotten(lease, now, database_.options().retention)) return {};
        return {.released = false, .lease = std::move(lease)};
    }
    lease.status = LeaseStatus::released;
    lease.released_at = now;
    lease.release_reason = reason;
    transaction.prepare(sql::end_lease).bind(now).bind(static_cast<int>(reason)).bind(lease.id).run();
    transaction.prepare(opens ? sql::uncount_lease_and_open : sql::uncount_lease)
        .bind(transaction.next_use_sequence())
        .bind(lease.proxy_id)
        .run();
    transaction.set_ended_leases(transaction.ended_leases() + 1);
    transaction.makes_available();
    return {.released = true, .lease = std::move(lease)};
}

void Leasing::prune_sometimes(WriteTransaction& transaction, unsigned count) {
    const unsigned before = releases_.fetch_add(count, std::memory_order_relaxed);
    const unsigned to_next =
        (releases_between_prunings - before % releases_between_prunings) % releases_between_prunings;
    // Twice as many as came since.
    if (to_next < count) prune(transaction, 2 * static_cast<int>(std::max(count, releases_between_prunings)));
}

CleanupResult Leasing::cleanup(const CleanupRequest& request) {
    constexpr Operation cleaning{.name = "cleanup_expired_leases"};
    Expired expired(reports_);
    CleanupResult result;
    const auto count = [&] {
        std::vector<Lease> leases = expired.take();
        result.count += static_cast<std::int64_t>(leases.size());
        if (!request.collect) return;
        result.leases.insert(result.leases.end(), std::make_move_iterator(leases.begin()),
                             std::make_move_iterator(leases.end()));
    };
    for (bool more = true; more;) {
        WriteTransaction transaction(database_, cleaning);
        transaction.read_state();
        std::vector<Lease> ended;
        const bool more_due = collect_due(transaction, collect_batch, ended);
        bool more_old = prune(transaction, collect_batch) == collect_batch;
        if (prune_health_records(transaction, collect_batch) == collect_batch) more_old = true;
        transaction.commit();
        expired.add(std::move(ended));
        more = more_due || more_old;
        count();
    }
    // What a removal collected, and nobody was told of, came first.
    std::ranges::sort(result.leases, {},
                      [](const Lease& lease) { return std::pair(lease.expires_at, lease.id); });
    return result;
}

PoolStats Leasing::pool_stats(const PoolStatsRequest& request) {
    ReadTransaction transaction(database_, {.name = "get_pool_stats"});
    PoolId pool;
    {
        Statement row = transaction.prepare(sql::pool_id_by_name);
        if (!row.bind(request.pool).step()) return std::nullopt;
        pool = row.id<PoolId>(0);
    }
    const Timestamp now = transaction.now();
    Statement row = transaction.prepare(sql::pool_stats);
    row.bind(now).bind(pool).step();
    return PoolStatsSnapshot{.pool_name = request.pool,
                             .total_proxies = row.integer(0),
                             .active_proxies = row.integer(1),
                             .available_proxies = row.integer(2),
                             .leased_proxies = row.integer(3),
                             .total_leases = row.integer(4),
                             .collected_at = now};
}

RenewResult Leasing::renew_lease(const RenewRequest& request) {
    validate_lease_duration(request.duration);
    WriteTransaction transaction(database_, {.name = "renew_lease", .lease = request.lease_id});
    transaction.read_state();
    const std::optional<Lease> stored = find_lease(transaction, request.lease_id);
    if (!stored) return {};
    const Timestamp now = transaction.now();
    Lease lease = as_of(*stored, now);
    if (is_forgotten(lease, now, database_.options().retention)) return {};
    if (lease.status == LeaseStatus::released) return {.renewed = false, .lease = std::move(lease)};
    if (lease.tenure_ends_at && lease.expires_at >= *lease.tenure_ends_at) {
        return {.renewed = false, .lease = std::move(lease)};
    }
    lease.expires_at = std::max<Timestamp>(lease.expires_at, now + request.duration);
    if (lease.tenure_ends_at) lease.expires_at = std::min<Timestamp>(lease.expires_at, *lease.tenure_ends_at);
    transaction.prepare(sql::renew_lease).bind(lease.expires_at).bind(lease.id).run();
    transaction.commit();
    return {.renewed = true, .lease = std::move(lease)};
}

std::optional<Lease> Leasing::get_lease(const GetLeaseRequest& request) {
    ReadTransaction transaction(database_, {.name = "get_lease", .lease = request.lease_id});
    const Timestamp now = transaction.now();
    Statement row = transaction.prepare(sql::lease_by_id);
    if (!row.bind(request.lease_id).step()) return std::nullopt;
    Lease lease = as_of(read_lease(row), now);
    if (is_forgotten(lease, now, database_.options().retention)) return std::nullopt;
    return lease;
}

Page<Lease> Leasing::list_leases(const ListLeasesRequest& request) {
    validate(request);
    ReadTransaction transaction(database_, {.name = "list_leases"});
    const Timestamp now = transaction.now();
    std::optional<ConsumerId> consumer;
    if (!request.consumer.empty()) {
        Statement row = transaction.prepare(sql::consumer_by_name);
        if (!row.bind(request.consumer).step()) return {};
        consumer = row.id<ConsumerId>(0);
    }
    Statement rows = transaction.prepare(sql::list_leases);
    rows.bind(now);
    if (request.after.empty()) {
        rows.bind_blob("", 0);  // before every id, the nil one too
    } else {
        rows.bind(LeaseId::parse(request.after));
    }
    rows.bind(request.pool.empty() ? std::nullopt : std::optional(request.pool))
        .bind(consumer)
        .bind(request.proxy_id)
        .bind(request.status ? std::optional(*request.status == LeaseStatus::active) : std::nullopt)
        .bind(earlier(now, database_.options().retention))
        .bind(static_cast<std::int64_t>(request.limit) + 1);
    Page<Lease> page;
    while (rows.step()) page.items.push_back(as_of(read_lease(rows), now));
    if (page.items.size() > request.limit) {
        page.items.pop_back();
        page.next = page.items.back().id.to_string();
    }
    return page;
}

}  // namespace pharox::sqlite
