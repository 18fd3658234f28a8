// How often the proxies of a pool are acquired, as seen from outside.
#pragma once

#include <optional>
#include <unordered_map>

#include "pharox/model/stats.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox::cli {

/// Told from the leases that the store lists, whoever made them: stores keep no counter, which would cost
/// every lease something. Two lists a look: of the leases whose id was drawn since a minute before the look
/// before, and of those that are active now, where they are no more than 100,000. So nothing is counted
/// twice, and what is missed is only an acquire that waited for more than a minute and whose lease ended
/// again between two looks.
class AcquireRate {
  public:
    /// Acquires per second since the look before; nothing at the first. Throws StorageError.
    std::optional<double> look(ILeaseControl& leases, const PoolStatsSnapshot& stats);

  private:
    std::optional<Timestamp> last_look_{};
    std::unordered_map<LeaseId, Timestamp> seen_{};  ///< and when they were acquired
};

}  // namespace pharox::cli
