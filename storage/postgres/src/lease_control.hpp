// Leases one by one and in lists, and the numbers of a pool.
#pragma once

#include "pharox/storage/lease_control.hpp"
#include "releaser.hpp"

namespace pharox::postgres {

/// Thread-safe.
class LeaseControl final : public ILeaseControl {
  public:
    LeaseControl(Database& database, Releaser& releaser) : database_(database), releaser_(releaser) {}

    RenewResult renew_lease(const RenewRequest& request) override;
    std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override { return releaser_.revoke(request); }
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

    PoolStats pool_stats(const PoolStatsRequest& request);

  private:
    Database& database_;
    Releaser& releaser_;
};

}  // namespace pharox::postgres
