// The life of leases: everything of the contract but the catalog.
#pragma once

#include "database.hpp"
#include "lease_records.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "picking.hpp"

namespace pharox::sqlite {

/// Requests have passed the door. Thread-safe.
class Leasing final : public ILeaseControl {
  public:
    Leasing(Database& database, ExpiryReports& reports) : database_(database), reports_(reports) {}

    FindResult find(const FindRequest& request);
    LeasedProxy create_lease(const CreateLeaseRequest& request);
    AcquireResult acquire(const AcquireRequest& request);
    ReleaseResult release(const ReleaseRequest& request);
    CleanupResult cleanup(const CleanupRequest& request);
    PoolStats pool_stats(const PoolStatsRequest& request);

    RenewResult renew_lease(const RenewRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;

  private:
    struct Ask;
    /// Leases that a call found expired. What it does not hand out itself is kept for the next that can.
    class Expired;

    template <class Choose>
    std::optional<AcquireResult> attempt(const Ask& ask, Expired& expired, bool& more_due, Choose choose);
    std::optional<AcquireResult> acquire_indexed(const Ask& ask, Expired& expired);
    std::optional<AcquireResult> acquire_by_predicate(const Ask& ask, Expired& expired);
    Miss kind_of_miss(const Ask& ask);

    std::optional<AcquireResult> replay(WriteTransaction& transaction, const Ask& ask, PoolId pool,
                                        std::optional<ConsumerId> consumer, std::vector<Lease>& ended);
    std::optional<LeasedProxy> replay_active(WriteTransaction& transaction, LeaseId id,
                                             std::optional<ConsumerId> consumer, std::vector<Lease>& ended);

    template <class Choose>
    std::optional<Proxy> find_once(const FindRequest& request, Expired& expired, bool& more_due,
                                   Choose choose);
    std::optional<Proxy> find_by_predicate(const FindRequest& request, const PickPlan& plan,
                                           Expired& expired);
    bool find_by_reading(const FindRequest& request, const PickPlan& plan, std::optional<Proxy>& found);

    Database& database_;
    ExpiryReports& reports_;
    std::atomic<unsigned> releases_{0};
};

}  // namespace pharox::sqlite
