// The life of leases: everything of the contract but the catalog.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "database.hpp"
#include "lease_records.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "picking.hpp"

namespace pharox::sqlite {

struct Opening;

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

    /// Nothing where the filter needs a predicate asked, which no transaction waits for.
    std::optional<AcquireManyResult> acquire_many(const AcquireManyRequest& request);
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);

    RenewResult renew_lease(const RenewRequest& request) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

  private:
    struct Ask;
    /// What is tried in turn: the active ones, then the slow ones where they are
    /// allowed.
    std::vector<PickPlan> plans_for(Selector selector, const ProxyFilters& filters, bool allow_slow);
    Ask make_ask(const AcquireRequest& request, std::string_view operation);

    template <class Choose>
    std::optional<AcquireResult> attempt(const Ask& ask, Expired& expired, bool& more_due, Choose choose);
    std::optional<AcquireResult> acquire_indexed(const Ask& ask, Expired& expired);
    std::optional<AcquireResult> acquire_by_predicate(const Ask& ask, Expired& expired);
    /// Without the write lock: why nothing can be leased, or nothing where that takes more than reading.
    std::optional<Miss> look(const Ask& ask);
    Opening peek(const Ask& ask);
    Miss kind_of_miss(const Ask& ask);
    Miss kind_of_miss(ReadTransaction& transaction, const Ask& ask, PoolId pool);
    std::atomic<bool>& missed_before(const Ask& ask);

    std::optional<AcquireResult> replay(WriteTransaction& transaction, const Ask& ask, PoolId pool,
                                        std::optional<ConsumerId> consumer, std::vector<Lease>& ended);
    std::optional<LeasedProxy> replay_active(WriteTransaction& transaction, LeaseId id,
                                             std::optional<ConsumerId> consumer, std::vector<Lease>& ended);

    template <class Choose>
    std::optional<Proxy> find_once(const FindRequest& request, Expired& expired, bool& more_due,
                                   Choose choose);
    std::optional<Proxy> find_by_predicate(const FindRequest& request, const std::vector<PickPlan>& plans,
                                           Expired& expired);
    bool find_by_reading(const FindRequest& request, const std::vector<PickPlan>& plans,
                         std::optional<Proxy>& found);

    ReleaseResult end_now(LeaseId id, ReleaseReason reason, const Operation& operation);
    ReleaseResult end_now(WriteTransaction& transaction, LeaseId id, ReleaseReason reason);
    /// Now and then forgets old leases too; `count` have just ended.
    void prune_sometimes(WriteTransaction& transaction, unsigned count);

    Database& database_;
    ExpiryReports& reports_;
    std::atomic<unsigned> releases_{0};
    /// Questions that were last answered with a miss, by hash. Who asks one again, as a waiter does, looks
    /// before it queues for the write lock; a
    /// collision costs a look in vain.
    std::array<std::atomic<bool>, 64> missed_{};
};

}  // namespace pharox::sqlite
