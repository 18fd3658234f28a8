#include "lease_records.hpp"

#include <algorithm>
#include <utility>

#include "sql_statements.hpp"

namespace pharox::sqlite {

LeasedProxy grant(WriteTransaction& transaction, ProxyRow row, const LeaseTerms& terms) {
    const Timestamp now = transaction.now();
    Lease lease{.id = terms.id,
                .proxy_id = row.proxy.id,
                .consumer_id = terms.consumer,
                .pool_id = row.proxy.pool_id,
                .pool_name = std::string(terms.pool_name),
                .acquired_at = now,
                .expires_at = now + terms.duration,
                .fencing_token = std::max<std::int64_t>(row.fencing + 1, now.time_since_epoch().count()),
                .tenure_ends_at = terms.max_tenure ? std::optional(now + *terms.max_tenure) : std::nullopt,
                .metadata = terms.metadata};
    ++row.proxy.current_leases;
    transaction.prepare(is_available(row.proxy) ? sql::count_lease : sql::count_last_lease)
        .bind(row.proxy.current_leases)
        .bind(transaction.next_use_sequence())
        .bind(lease.fencing_token)
        .bind(lease.proxy_id)
        .run();
    Statement insert = transaction.prepare(sql::insert_lease);
    insert.bind(lease.id)
        .bind(lease.proxy_id)
        .bind(lease.consumer_id)
        .bind(lease.pool_id)
        .bind(lease.pool_name)
        .bind(lease.acquired_at)
        .bind(lease.expires_at)
        .bind(lease.fencing_token);
    bind_metadata(insert, lease.metadata);
    insert.bind(lease.tenure_ends_at).run();
    return {std::move(row.proxy), std::move(lease)};
}

std::optional<Lease> find_lease(WriteTransaction& transaction, LeaseId id) {
    Statement rows = transaction.prepare(sql::lease_by_id);
    if (!rows.bind(id).step()) return std::nullopt;
    return read_lease(rows);
}

void end_lease(WriteTransaction& transaction, Lease& lease, Timestamp at, ReleaseReason reason) {
    lease.status = LeaseStatus::released;
    lease.released_at = at;
    lease.release_reason = reason;
    transaction.prepare(sql::end_lease).bind(at).bind(static_cast<int>(reason)).bind(lease.id).run();
    transaction.prepare(sql::uncount_lease_any)
        .bind(transaction.next_use_sequence())
        .bind(lease.proxy_id)
        .run();
    transaction.set_ended_leases(transaction.ended_leases() + 1);
    transaction.makes_available();
}

bool collect_due(WriteTransaction& transaction, int limit, std::vector<Lease>& ended) {
    std::vector<Lease> due;
    {
        Statement rows = transaction.prepare(sql::expired_leases);
        rows.bind(transaction.now()).bind(limit);
        while (rows.step()) due.push_back(read_lease(rows));
    }
    const auto count = static_cast<int>(due.size());
    for (Lease& lease : due) {
        end_lease(transaction, lease, lease.expires_at, ReleaseReason::expired);
        ended.push_back(std::move(lease));
    }
    // Twice as many: the table stays bounded where leases only ever expire.
    if (count > 0) prune(transaction, 2 * count);
    return count == limit;
}

Timestamp earlier(Timestamp now, Duration by) noexcept {
    constexpr Duration longest = std::chrono::days(365'000);
    return now - std::min(by, longest);
}

namespace {

std::int64_t forget_ended_until(WriteTransaction& transaction, Timestamp latest, std::int64_t limit) {
    transaction.prepare(sql::prune_leases).bind(latest).bind(limit).run();
    const std::int64_t forgotten = transaction.connection().changes();
    transaction.set_ended_leases(transaction.ended_leases() - forgotten);
    return forgotten;
}

}  // namespace

std::int64_t prune(WriteTransaction& transaction, int limit) {
    const Options& options = transaction.database().options();
    const Timestamp now = transaction.now();
    std::int64_t forgotten = forget_ended_until(transaction, earlier(now, options.retention), limit);
    if (forgotten < limit && std::cmp_greater(transaction.ended_leases(), options.retained_leases)) {
        const std::int64_t excess =
            transaction.ended_leases() - static_cast<std::int64_t>(options.retained_leases);
        forgotten += forget_ended_until(transaction, earlier(now, least_retention),
                                        std::min(excess, limit - forgotten));
    }
    return forgotten;
}

bool is_forgotten(const Lease& as_of_now, Timestamp now, Duration retention) {
    return as_of_now.released_at && *as_of_now.released_at <= earlier(now, retention);
}

}  // namespace pharox::sqlite
