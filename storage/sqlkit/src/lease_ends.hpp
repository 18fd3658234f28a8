// How leases end and are forgotten inside a transaction.
#pragma once

#include <vector>

#include "transaction.hpp"

namespace pharox::sqlkit {

/// Expired leases that a call collects at most, and rows that a cleanup deletes in one transaction.
inline constexpr int collect_batch = 500;

/// Ends an active lease; its end is set in `lease` too.
void end_lease(Transaction& transaction, Lease& lease, Timestamp at, ReleaseReason reason);

/// Ends expired leases, the earliest first, at most `limit`. Whether there may be more.
bool collect_expired(LeaseTransaction& transaction, const LeaseStore::Retention& retention, int limit,
                     std::vector<Lease>& ended);

/// Forgets leases that ended longer ago than the retention, and the oldest of those beyond the retained
/// number, at most `limit`. How many.
std::int64_t prune(LeaseTransaction& transaction, const LeaseStore::Retention& retention, std::int64_t limit);

}  // namespace pharox::sqlkit
