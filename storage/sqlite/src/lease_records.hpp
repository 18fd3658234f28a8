// What happens to leases inside a transaction.
#pragma once

#include <optional>
#include <vector>

#include "database.hpp"
#include "expiry_reports.hpp"
#include "pharox/model/lease.hpp"
#include "row_mapping.hpp"

namespace pharox::sqlite {

using sqlkit::Expired;
using sqlkit::ExpiryReports;

struct LeaseTerms {
    LeaseId id;
    ConsumerId consumer;
    std::string_view pool_name;
    Duration duration;
    const Json& metadata;
    std::optional<Duration> max_tenure{};
};
/// Leases the proxy, which the caller knows to have room.
LeasedProxy grant(WriteTransaction& transaction, ProxyRow row, const LeaseTerms& terms);

/// As stored: what is due may still read active.
std::optional<Lease> find_lease(WriteTransaction& transaction, LeaseId id);

/// Ends an active lease; what it says of its end is set in `lease` too.
void end_lease(WriteTransaction& transaction, Lease& lease, Timestamp at, ReleaseReason reason);

/// Ends what is due, the earliest first, at most `limit`. Whether there may be more.
bool collect_due(WriteTransaction& transaction, int limit, std::vector<Lease>& ended);

inline constexpr Duration least_retention = std::chrono::minutes(10);

/// That long before: no retention is too long for it.
Timestamp earlier(Timestamp now, Duration by) noexcept;

/// Forgets leases that ended longer ago than the retention, and the oldest of those that are too many; at
/// most `limit`. How many.
std::int64_t prune(WriteTransaction& transaction, int limit);
/// Whether the lease, as of now, ended longer ago than the retention: then nobody remembers it, pruned or
/// not.
bool is_forgotten(const Lease& as_of_now, Timestamp now, Duration retention);

/// Ends leases that a removal takes with it: what is due as expired (into `expired`), the others as revoked.
/// How many the latter are. Throws `refusal()` instead of revoking unless forced.
template <class Refusal>
std::int64_t revoke_all(WriteTransaction& transaction, std::vector<Lease> active, bool force,
                        std::vector<Lease>& expired, Refusal refusal) {
    std::int64_t revoked = 0;
    for (Lease& lease : active) {
        if (lease.expires_at <= transaction.now()) {
            end_lease(transaction, lease, lease.expires_at, ReleaseReason::expired);
            expired.push_back(std::move(lease));
            continue;
        }
        if (!force) throw refusal();
        end_lease(transaction, lease, transaction.now(), ReleaseReason::revoked);
        ++revoked;
    }
    return revoked;
}

inline constexpr int collect_batch = 500;

}  // namespace pharox::sqlite
