// Release and revocation.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "expiry_collector.hpp"
#include "lease_batches.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox::postgres {

/// Thread-safe.
class Releaser {
  public:
    Releaser(Database& database, LeaseBatches& batches, ContentionSpreading& spreading,
             ExpiryCollector& collector, OnAvailable on_available)
        : database_(database),
          batches_(batches),
          spreading_(spreading),
          collector_(collector),
          on_available_(std::move(on_available)) {}

    ReleaseResult release(const ReleaseRequest& request);
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);
    ReleaseResult revoke(const RevokeRequest& request);

  private:
    ReleaseResult end(std::string_view name, LeaseId id, ReleaseReason reason);
    /// Those of the leases that are not forgotten. `released` is set for those that a statement of this call
    /// ended whose answer was lost.
    std::map<LeaseId, ReleaseResult> recorded(const Operation& operation, std::span<const UuidBytes> ids,
                                              std::int64_t call);

    Database& database_;
    LeaseBatches& batches_;
    ContentionSpreading& spreading_;
    ExpiryCollector& collector_;
    OnAvailable on_available_;
};

}  // namespace pharox::postgres
