// The life of leases: everything of the contract but the catalog.
#pragma once

#include <atomic>
#include <functional>

#include "database.hpp"
#include "expiry_reports.hpp"
#include "listener.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "pick_plan.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

/// Requests have passed the door. Thread-safe.
class Leasing final : public ILeaseControl {
  public:
    /// `on_available` is called when something became available.
    Leasing(Database& database, ExpiryReports& reports, Listener& listener,
            std::function<void()> on_available)
        : database_(database),
          reports_(reports),
          listener_(listener),
          on_available_(std::move(on_available)) {}

    FindResult find(const FindRequest& request);
    LeasedProxy create_lease(const CreateLeaseRequest& request);
    AcquireResult acquire(const AcquireRequest& request);
    ReleaseResult release(const ReleaseRequest& request);
    CleanupResult cleanup(const CleanupRequest& request);
    PoolStats pool_stats(const PoolStatsRequest& request);

    RenewResult renew_lease(const RenewRequest& request) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

  private:
    struct Ask;
    /// What a picking statement answered.
    struct Picked {
        bool pool_known = false;
        bool consumer_known = false;
        bool lease_known = false;
        bool due = false;
        std::optional<LeasedProxy> leased{};
        bool found = false;
    };
    struct Choice {
        ProxyId id;
        std::int32_t revision = 0;
    };

    Picked pick(const Ask& ask, const std::optional<Choice>& choice, Connection& connection);
    std::optional<AcquireResult> attempt(const Ask& ask, const std::optional<Choice>& choice,
                                         Expired& expired, bool& due);
    std::optional<AcquireResult> acquire_by_predicate(const Ask& ask, PoolId pool, Expired& expired);
    /// Nothing where one is free now: another look is due.
    std::optional<Miss> kind_of_miss(const Ask& ask, Expired& expired, std::optional<PoolId>& pool);
    /// The lease under this id, for the consumer; nothing where nobody remembers it any more.
    std::optional<LeasedProxy> replay(const Operation& operation, LeaseId id, const std::string& consumer,
                                      std::int64_t call);

    std::optional<Proxy> find_by_predicate(const FindRequest& request, const PickPlan& plan, PoolId pool);
    std::optional<Proxy> find_marking(const FindRequest& request, const PickPlan& plan,
                                      const std::optional<Choice>& choice, bool& pool_known, bool& due);
    /// The first candidate that matches, read a few at a time, with no transaction open between two of them.
    template <class Use>
    bool try_candidates(const Operation& operation, const PickPlan& plan, const ProxyFilters& filters,
                        PoolId pool, bool allow_slow, Use use);

    ReleaseResult end(const Operation& operation, LeaseId id, ReleaseReason reason);
    /// Ends what is due, a batch at a time. With `wait`, also behind others who are at it.
    std::vector<Lease> collect(const Operation& operation, bool wait);
    void collect_into(Expired& expired, const Operation& operation);
    void prune_now_and_then();
    [[nodiscard]] bool is_forgotten(const Lease& lease, Timestamp now) const;

    Database& database_;
    ExpiryReports& reports_;
    Listener& listener_;
    std::function<void()> on_available_;
    std::atomic<unsigned> releases_{0};
    std::atomic<SteadyTime> next_look_{SteadyTime::min()};  // for open transactions
    /// When what is due is looked after next, without anybody asking for it.
    std::atomic<SteadyTime> next_collection_{std::chrono::steady_clock::now() + std::chrono::seconds(1)};
};

}  // namespace pharox::postgres
