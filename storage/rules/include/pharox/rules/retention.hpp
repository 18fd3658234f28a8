// How long a store keeps ended leases and health records.
#pragma once

#include <cstddef>
#include <optional>

#include "pharox/model/lease.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// Ended leases are kept at least this long, however many there are.
inline constexpr Duration min_retention = std::chrono::minutes(10);
inline constexpr Duration max_retention = std::chrono::days(3'650);
inline constexpr std::size_t max_health_records_per_proxy = 1'000'000;

/// Leases that ended, and records that were made, at this time or before are no longer kept.
Timestamp forgotten_until(Timestamp now, Duration retention) noexcept;
/// While more ended leases are kept than `retained_leases`, those that ended at this time or before are
/// deleted, oldest first.
Timestamp surplus_until(Timestamp now) noexcept;
/// Whether the retention of the lease is over: it reads as unknown even if its record still exists.
bool is_forgotten(const Lease& as_of_now, Timestamp now, Duration retention) noexcept;
/// A recorded lease as get_lease, release and renew read it: as of now; empty if it is forgotten.
std::optional<Lease> as_remembered(Lease stored, Timestamp now, Duration retention);

/// Throws ValidationError for `retention_ms` (10 minutes to 10 years), `health_retention_ms` (1 ms to 10
/// years), `health_records_per_proxy` (1 to 1,000,000).
void check_retention(Duration retention, Duration health_retention, std::size_t health_records_per_proxy);

}  // namespace rules
}  // namespace pharox
