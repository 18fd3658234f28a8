#include "lease_records.hpp"

#include "queries.hpp"

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
                .metadata = terms.metadata};
    ++row.proxy.current_leases;
    transaction.prepare(has_room(row.proxy) ? query::take : query::take_and_fill)
        .bind(row.proxy.current_leases)
        .bind(transaction.next_mark())
        .bind(lease.fencing_token)
        .bind(lease.proxy_id)
        .run();
    Statement insert = transaction.prepare(query::insert_lease);
    insert.bind(lease.id)
        .bind(lease.proxy_id)
        .bind(lease.consumer_id)
        .bind(lease.pool_id)
        .bind(lease.pool_name)
        .bind(lease.acquired_at)
        .bind(lease.expires_at)
        .bind(lease.fencing_token);
    bind_metadata(insert, lease.metadata);
    insert.run();
    return {std::move(row.proxy), std::move(lease)};
}

std::optional<Lease> find_lease(WriteTransaction& transaction, LeaseId id) {
    Statement rows = transaction.prepare(query::lease_by_id);
    if (!rows.bind(id).step()) return std::nullopt;
    return read_lease(rows);
}

void end_lease(WriteTransaction& transaction, Lease& lease, Timestamp at, ReleaseReason reason) {
    lease.status = LeaseStatus::released;
    lease.released_at = at;
    lease.release_reason = reason;
    transaction.prepare(query::end_lease).bind(at).bind(static_cast<int>(reason)).bind(lease.id).run();
    transaction.prepare(query::give_back_any).bind(transaction.next_mark()).bind(lease.proxy_id).run();
}

bool collect_due(WriteTransaction& transaction, int limit, std::vector<Lease>& ended) {
    std::vector<Lease> due;
    {
        Statement rows = transaction.prepare(query::due_leases);
        rows.bind(transaction.now()).bind(limit);
        while (rows.step()) due.push_back(read_lease(rows));
    }
    const bool more = due.size() == static_cast<std::size_t>(limit);
    for (Lease& lease : due) {
        end_lease(transaction, lease, lease.expires_at, ReleaseReason::expired);
        ended.push_back(std::move(lease));
    }
    return more;
}

std::int64_t prune(WriteTransaction& transaction, int limit) {
    transaction.prepare(query::prune_leases)
        .bind(transaction.now() - transaction.database().options().retention)
        .bind(limit)
        .run();
    return transaction.connection().changes();
}

bool is_forgotten(const Lease& as_of_now, Timestamp now, Duration retention) {
    return as_of_now.released_at && *as_of_now.released_at + retention <= now;
}

}  // namespace pharox::sqlite
