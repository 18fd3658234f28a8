// Leasing with one transaction per call: the whole contract except the catalog, on a LeaseStore.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "expiry_reports.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "transaction.hpp"

namespace pharox::sqlkit {

/// The caller normalises (rules::Normalised) requests of acquire and create_lease, and validates other
/// requests except those of ILeaseControl. Thread-safe.
class Leasing final : public ILeaseControl {
  public:
    Leasing(LeaseStore& store, ExpiryReports& reports) : store_(store), reports_(reports) {}

    FindResult find(const FindRequest& request);
    LeasedProxy create_lease(const CreateLeaseRequest& request);
    AcquireResult acquire(const AcquireRequest& request);
    ReleaseResult release(const ReleaseRequest& request);
    CleanupResult cleanup(const CleanupRequest& request);
    PoolStats pool_stats(const PoolStatsRequest& request);

    /// One transaction. Empty if the filter has a predicate, which must not be called inside a transaction.
    std::optional<AcquireManyResult> acquire_many(const AcquireManyRequest& request);
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);

    RenewResult renew_lease(const RenewRequest& request) override;
    std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

  private:
    struct PreparedAcquire;
    std::vector<PickPlan> plans_for(Selector selector, const ProxyFilters& filters, bool allow_slow);
    PreparedAcquire prepare(const AcquireRequest& request, const Operation& operation);

    template <class Choose>
    std::optional<AcquireResult> attempt(const PreparedAcquire& acquire, Expired& expired, bool& more_expired,
                                         Choose choose);
    std::optional<AcquireResult> acquire_indexed(const PreparedAcquire& acquire, Expired& expired);
    std::optional<AcquireResult> acquire_by_predicate(const PreparedAcquire& acquire, Expired& expired);
    /// Without the write lock: the reason for the miss, or empty if the answer needs a write.
    std::optional<Miss> check_for_miss(const PreparedAcquire& acquire);
    Miss diagnose_miss(const PreparedAcquire& acquire);
    Miss diagnose_miss(LeaseTransaction& transaction, const PreparedAcquire& acquire,
                       std::optional<PoolId> pool);
    std::atomic<bool>& missed_before(const PreparedAcquire& acquire);

    /// The answer to a lease id that is recorded already; empty if its retention is over. `pool` is the pool
    /// of the request, if it is known.
    template <class Request>
    std::optional<AcquireResult> replay(LeaseTransaction& transaction, const Request& request,
                                        std::optional<PoolId> pool, std::optional<ConsumerId> consumer,
                                        std::vector<Lease>& ended);

    template <class Choose>
    std::optional<Proxy> find_once(const FindRequest& request, Expired& expired, bool& more_expired,
                                   Choose choose);
    std::optional<Proxy> find_by_predicate(const FindRequest& request, const std::vector<PickPlan>& plans,
                                           Expired& expired);
    bool find_by_reading(const FindRequest& request, const std::vector<PickPlan>& plans,
                         std::optional<Proxy>& found);

    RenewResult renew_in(LeaseTransaction& transaction, const RenewRequest& request);
    ReleaseResult end_now(LeaseId id, ReleaseReason reason, const Operation& operation);
    ReleaseResult end_now(LeaseTransaction& transaction, LeaseId id, ReleaseReason reason);
    /// Deletes old records after every 256th end of a lease; `count` have just ended.
    void prune_sometimes(LeaseTransaction& transaction, unsigned count);

    LeaseStore& store_;
    ExpiryReports& reports_;
    std::atomic<unsigned> ended_{0};
    /// Requests whose last answer was a miss, by hash. After a miss, an equal request, as a waiter's, checks
    /// read-only before it takes the write lock. A collision costs one needless read.
    std::array<std::atomic<bool>, 64> missed_{};
};

}  // namespace pharox::sqlkit
