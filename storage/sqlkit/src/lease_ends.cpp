#include "lease_ends.hpp"

#include <algorithm>
#include <utility>

#include "pharox/rules/leases.hpp"
#include "pharox/rules/retention.hpp"

namespace pharox::sqlkit {

void end_lease(Transaction& transaction, Lease& lease, Timestamp at, ReleaseReason reason) {
    rules::end(lease, at, reason);
    transaction.end_lease(lease, std::nullopt);
    transaction.makes_available(lease.pool_name);
}

bool collect_expired(LeaseTransaction& transaction, const LeaseStore::Retention& retention, int limit,
                     std::vector<Lease>& ended) {
    std::vector<Lease> expired = transaction.expired_leases(limit);
    const auto count = static_cast<int>(expired.size());
    for (Lease& lease : expired) {
        end_lease(transaction, lease, lease.expires_at, ReleaseReason::expired);
        ended.push_back(std::move(lease));
    }
    // Twice as many: the table stays bounded where leases only ever expire.
    if (count > 0) prune(transaction, retention, std::int64_t{2} * count);
    return count == limit;
}

std::int64_t prune(LeaseTransaction& transaction, const LeaseStore::Retention& retention,
                   std::int64_t limit) {
    const Timestamp now = transaction.now();
    std::int64_t forgotten =
        transaction.delete_ended_until(rules::forgotten_until(now, retention.leases), limit);
    const std::int64_t ended = transaction.ended_leases();
    if (forgotten < limit && std::cmp_greater(ended, retention.retained_leases)) {
        const std::int64_t surplus = ended - static_cast<std::int64_t>(retention.retained_leases);
        forgotten +=
            transaction.delete_ended_until(rules::surplus_until(now), std::min(surplus, limit - forgotten));
    }
    return forgotten;
}

}  // namespace pharox::sqlkit
