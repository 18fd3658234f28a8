// Release, renewal, cleanup, and what can be asked about leases.
#include "leasing.hpp"
#include "leasing_expired.hpp"
#include "queries.hpp"

namespace pharox::sqlite {

namespace {

// So often a release forgets old leases too: the table stays bounded where nobody calls cleanup.
constexpr unsigned releases_between_prunings = 256;
constexpr int pruned_by_release = 2 * static_cast<int>(releases_between_prunings);

}  // namespace

ReleaseResult Leasing::release(const ReleaseRequest& request) {
    WriteTransaction transaction(database_, {.name = "release_lease", .lease = request.lease_id});
    Lease lease;
    bool opens = false;
    {
        Statement row = transaction.prepare(query::open_release);
        row.bind(request.lease_id).step();
        transaction.set_state(row.time(0), row.integer(1));
        if (row.is_null(3)) return {};
        opens = row.integer(2) != 0;
        lease = as_of(read_lease(row, 3), transaction.now());
    }
    const Timestamp now = transaction.now();
    if (lease.status == LeaseStatus::released) {
        if (is_forgotten(lease, now, database_.options().retention)) return {};
        return {.released = false, .lease = std::move(lease)};
    }
    lease.status = LeaseStatus::released;
    lease.released_at = now;
    lease.release_reason = ReleaseReason::released;
    transaction.prepare(query::end_lease)
        .bind(now)
        .bind(static_cast<int>(ReleaseReason::released))
        .bind(lease.id)
        .run();
    transaction.prepare(opens ? query::give_back_and_open : query::give_back)
        .bind(transaction.next_mark())
        .bind(lease.proxy_id)
        .run();
    if (releases_.fetch_add(1, std::memory_order_relaxed) % releases_between_prunings == 0) {
        prune(transaction, pruned_by_release);
    }
    transaction.commit();
    return {.released = true, .lease = std::move(lease)};
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
        const bool more_old = prune(transaction, collect_batch) == collect_batch;
        transaction.commit();
        expired.add(std::move(ended));
        more = more_due || more_old;
        count();
    }
    return result;
}

PoolStats Leasing::pool_stats(const PoolStatsRequest& request) {
    ReadTransaction transaction(database_, {.name = "get_pool_stats"});
    PoolId pool;
    {
        Statement row = transaction.prepare(query::pool_id_by_name);
        if (!row.bind(request.pool).step()) return std::nullopt;
        pool = row.id<PoolId>(0);
    }
    const Timestamp now = transaction.now();
    Statement row = transaction.prepare(query::pool_stats);
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
    lease.expires_at = std::max<Timestamp>(lease.expires_at, now + request.duration);
    transaction.prepare(query::renew_lease).bind(lease.expires_at).bind(lease.id).run();
    transaction.commit();
    return {.renewed = true, .lease = std::move(lease)};
}

std::optional<Lease> Leasing::get_lease(const GetLeaseRequest& request) {
    ReadTransaction transaction(database_, {.name = "get_lease", .lease = request.lease_id});
    const Timestamp now = transaction.now();
    Statement row = transaction.prepare(query::lease_by_id);
    if (!row.bind(request.lease_id).step()) return std::nullopt;
    Lease lease = as_of(read_lease(row), now);
    if (is_forgotten(lease, now, database_.options().retention)) return std::nullopt;
    return lease;
}

}  // namespace pharox::sqlite
