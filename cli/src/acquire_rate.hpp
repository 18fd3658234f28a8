// The rate at which the proxies of a pool are acquired, measured from outside.
#pragma once

#include <optional>
#include <unordered_map>

#include "pharox/model/stats.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox::cli {

/// Sorts before every id of version 7 (RFC 9562) that was generated at that time or later.
LeaseId first_id_of(Timestamp time);

/// Computed from the leases that the store lists, made by any process. Stores keep no counter, because it
/// would make every lease more expensive. Each sample reads two lists: the leases whose id was generated
/// after a point one minute before the previous sample, and the active leases, if there are at most 100,000.
/// Nothing is counted twice. Only an acquire that waited for more than a minute and whose lease ended between
/// two samples is missed.
class AcquireRate {
  public:
    /// Acquires per second since the previous sample; nothing for the first. Throws StorageError.
    std::optional<double> sample(ILeaseControl& leases, const PoolStatsSnapshot& stats);

  private:
    std::optional<Timestamp> last_sample_{};
    std::unordered_map<LeaseId, Timestamp> seen_{};  ///< lease id → time of the acquire
};

}  // namespace pharox::cli
