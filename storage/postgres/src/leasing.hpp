// The life of leases: everything of the contract but the catalog.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <span>

#include "availability_watch.hpp"
#include "coalescer.hpp"
#include "crowd.hpp"
#include "database.hpp"
#include "lease_queries.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "pick_plan.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

/// Requests have passed the door. Thread-safe.
class Leasing final : public ILeaseControl {
  public:
    /// `on_available` is called when something became available in the pool, or without a name in any.
    Leasing(Database& database, ExpiryReports& reports, serverkit::AvailabilityWatch& watch,
            std::function<void(std::string_view pool)> on_available)
        : database_(database),
          reports_(reports),
          watch_(watch),
          on_available_(std::move(on_available)),
          end_lease_(database.in_schema(query::end_lease)),
          end_one_unlocked_(database.in_schema(query::end_one_unlocked)),
          end_unlocked_(database.in_schema(query::end_unlocked)) {
        const ProxyFilters whole_pool;
        for (std::size_t i = 0; i < acquire_.size(); ++i) {
            acquire_[i] =
                database.in_schema(PickPlan(static_cast<Selector>(i), whole_pool, false).acquire_any(true));
        }
        const PickPlan plan(Selector::first_available, whole_pool, false);
        acquire_at_place_ = database.in_schema(plan.acquire_at_place());
        acquire_together_ = database.in_schema(plan.acquire_together());
    }

    FindResult find(const FindRequest& request);
    LeasedProxy create_lease(const CreateLeaseRequest& request);
    AcquireResult acquire(const AcquireRequest& request);
    /// What can be had at once; what is missing may be had one by one, or is to be told why it may not.
    AcquireManyResult acquire_at_once(const AcquireManyRequest& request);
    ReleaseResult release(const ReleaseRequest& request);
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);
    CleanupResult cleanup(const CleanupRequest& request);
    PoolStats pool_stats(const PoolStatsRequest& request);

    RenewResult renew_lease(const RenewRequest& request) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

  private:
    struct Ask;
    /// After so many looks that each found what then could not be had, something else is wrong.
    static constexpr int most_looks = 10'000;
    [[noreturn]] static void nothing_can_be_had(const Operation& operation);
    /// What there is besides a row that can be had at once. No pool: it is unknown.
    struct Situation {
        std::optional<PoolId> pool{};
        int orders = 0;
        bool lease_known = false;
        bool due = false;
        bool free = false;
        bool free_slow = false;
        bool full = false;
        bool weightless = false;  ///< one has room, and is never picked
    };
    struct Choice {
        ProxyId id;
        std::int32_t revision = 0;
        int availability = 0;
    };

    struct InCompany;
    using Group = std::vector<InCompany*>;
    /// By itself, or in one trip with others.
    void go(InCompany& me, const std::function<void()>& alone);
    void go_together(Group calls);
    static void read_leased(const Group& acquires, int place, const Rows& rows);
    void read_ended(const Group& releases, const Rows& rows);

    /// With `unless_expired`, nothing while the pool has expired leases that are not collected.
    std::optional<AcquireResult> attempt_at_once(const Ask& ask, bool unless_expired, Expired& expired);
    std::optional<AcquireResult> attempt_at_place(const Ask& ask, int place, Expired& expired);
    /// Together with others who ask at the same time, or out of their way.
    std::optional<AcquireResult> attempt_in_company(const Ask& ask, Expired& expired);
    std::optional<AcquireResult> attempt(const Ask& ask, const std::string& statement,
                                         const Parameters& parameters, Expired& expired);
    std::optional<AcquireResult> repeated(const Ask& ask);
    Situation look_around(const Ask& ask, Busy busy);
    /// Nothing where another caller was faster.
    std::optional<AcquireResult> acquire_by_predicate(const Ask& ask, PoolId pool, Expired& expired);
    /// Makes the pool keep what the indexes of these orders go by: once for each pool and order.
    void prepare_orders(const Operation& operation, PoolId pool, int orders);
    /// The lease under this id, for the consumer; nothing where nobody remembers it any more.
    std::optional<LeasedProxy> replay(const Operation& operation, LeaseId id, const std::string& consumer,
                                      std::int64_t call);

    std::vector<LeasedProxy> made_by(const Ask& ask, const std::vector<LeaseId>& ids);

    /// Whether it is certain: not where another caller was faster.
    bool find_by_predicate(const FindRequest& request, const PickPlan& plan, PoolId pool,
                           std::optional<Proxy>& found);
    std::optional<Proxy> find_marking(const FindRequest& request, const PickPlan& plan, Reach reach,
                                      const std::optional<Choice>& choice);
    enum class Tried : std::uint8_t { used, none, lost_a_race };
    /// The first candidate that matches, read a few at a time, with no transaction open between two of them.
    /// `use` says whether it could be had.
    template <class Use>
    Tried try_candidates(const Operation& operation, const PickPlan& plan, const ProxyFilters& filters,
                         PoolId pool, bool allow_slow, Use use);

    ReleaseResult end(std::string_view name, LeaseId id, ReleaseReason reason);
    std::map<LeaseId, ReleaseResult> ended_before(const Operation& operation, std::span<const UuidBytes> ids,
                                                  std::int64_t call);
    /// Ends expired leases, a batch at a time. With `wait`, also those on proxies that other transactions
    /// have locked: afterwards none that had expired before is left.
    std::vector<Lease> collect(const Operation& operation, bool wait);
    void collect_into(Expired& expired, const Operation& operation);
    bool collect_some(const Operation& operation, bool wait, std::vector<Lease>& ended);
    void prune_after(std::size_t ended);
    bool prune_some();
    void look_for_transactions_now_and_then();
    [[nodiscard]] bool is_forgotten(const Lease& lease, Timestamp now) const;

    Database& database_;
    ExpiryReports& reports_;
    serverkit::AvailabilityWatch& watch_;
    std::function<void(std::string_view pool)> on_available_;
    Crowd crowd_;
    Coalescer<InCompany> company_;
    std::mutex beginning_order_;
    // What is asked most, put together once: an acquire without a filter, of each selector, and a release.
    std::array<std::string, 6> acquire_;
    std::string acquire_at_place_;
    std::string acquire_together_;
    const std::string end_lease_;
    const std::string end_one_unlocked_;
    const std::string end_unlocked_;
    std::atomic<std::size_t> ended_{0};
    std::atomic<SteadyTime> next_look_{SteadyTime::min()};  // for open transactions
    /// When what is due is looked after next, without anybody asking for it.
    std::atomic<SteadyTime> next_collection_{std::chrono::steady_clock::now() + std::chrono::seconds(1)};
};

}  // namespace pharox::postgres
