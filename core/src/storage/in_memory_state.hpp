// The data of an InMemoryStorage, and its operations.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pharox/rules/leases.hpp"
#include "pharox/storage/in_memory.hpp"

namespace pharox {

class InMemoryState final : public ICatalog, public ILeaseControl, public IHealthLog, public IMaintenance {
  public:
    /// `on_available` is called, with the lock held, when a proxy may have become available.
    InMemoryState(InMemoryOptions options, std::function<void(std::string_view pool)> on_available);

    FindResult find(const FindRequest& request);
    LeasedProxy create_lease(const CreateLeaseRequest& request);
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request);
    ReleaseResult release(const ReleaseRequest& request);
    CleanupResult cleanup();
    PoolStats stats(const PoolStatsRequest& request);
    AcquireResult acquire(const AcquireRequest& request);

    RenewResult renew_lease(const RenewRequest& request) override;
    std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override;
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override;
    void save_health_record(const ProxyHealthRecord& record) override;
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override;

    void ping() override {}
    AuditResult audit() override;
    AuditResult repair() override;

    ProxyPool add_pool(const ProxyPool& pool) override;
    ProxyPool update_pool(const ProxyPool& pool) override;
    std::optional<ProxyPool> get_pool(const std::string& name) override;
    Page<ProxyPool> list_pools(const ListRequest& request) override;
    RemoveResult remove_pool(const std::string& name, bool force) override;
    Proxy add_proxy(const Proxy& proxy) override;
    AddProxiesResult add_proxies(const AddProxiesRequest& request) override;
    Proxy update_proxy(const Proxy& proxy) override;
    std::optional<Proxy> get_proxy(ProxyId id) override;
    Page<Proxy> list_proxies(const ListProxiesRequest& request) override;
    RemoveResult remove_proxy(ProxyId id, bool force) override;
    Consumer add_consumer(const Consumer& consumer) override;
    std::optional<Consumer> get_consumer(const std::string& name) override;
    Page<Consumer> list_consumers(const ListRequest& request) override;
    RemoveResult remove_consumer(const std::string& name, bool force) override;

  private:
    struct StoredProxy {
        Proxy proxy;
        std::int64_t use_sequence = 0;
        std::int64_t fencing_token = 0;
        std::optional<HealthCheckResult> last_health{};
        std::deque<ProxyHealthRecord> health_records{};  // newest first
    };
    /// A find or acquire within a pool that exists.
    struct Search {
        PoolId pool;
        const ProxyFilters& filters;
        Selector selector;
        bool allow_slow;
    };
    using Deadlines = std::set<std::pair<Timestamp, LeaseId>>;

    // The following functions are called with mutex_ held.

    /// The first step of every operation: advances the store's time to now, collects expired leases, and
    /// deletes ended ones whose retention is over. Returns the time, which never runs backwards.
    Timestamp advance();
    /// The leases that advance() collected and that no call has reported yet.
    std::vector<Lease> take_unreported();
    void end_lease(Lease& lease, Timestamp at, ReleaseReason reason);
    std::int64_t revoke_all(const std::vector<LeaseId>& leases, Timestamp now);
    void record_use(StoredProxy& stored);
    template <class Request>
    LeasedProxy lease(StoredProxy& stored, const Request& request, ConsumerId consumer, Timestamp now);
    [[nodiscard]] rules::Replay decide_replay(LeaseId id, const std::string& consumer,
                                              std::optional<PoolId> pool) const;
    [[nodiscard]] LeasedProxy same_lease(LeaseId id) const;
    /// The answer to a lease id that is recorded already; empty if there is no record. Throws
    /// ConflictError.
    [[nodiscard]] std::optional<AcquireResult> replay(const AcquireRequest& request, PoolId pool) const;

    [[nodiscard]] const ProxyPool* find_pool(const std::string& name) const;
    [[nodiscard]] const Consumer* find_consumer(const std::string& name) const;
    [[nodiscard]] const Consumer& require_consumer(const std::string& name) const;
    /// The active proxies that may match; if there are none, and it is allowed, the slow ones.
    [[nodiscard]] std::vector<StoredProxy*> candidates(const Search& search);
    [[nodiscard]] std::vector<StoredProxy*> candidates(const Search& search, ProxyStatus status);
    /// Sorts the first `count` in the selector's order; the order of the rest is unspecified.
    void put_first(std::vector<StoredProxy*>& proxies, std::size_t count, Selector selector);
    [[nodiscard]] Miss kind_of_miss(const Search& search) const;
    ReleaseResult end_now(LeaseId id, ReleaseReason reason);
    RenewResult renew(const RenewRequest& request, Timestamp now);
    void forget_ended(Timestamp now);
    void forget_records(StoredProxy& stored, Timestamp now) const;
    [[nodiscard]] std::vector<LeaseId> active_leases_of(ProxyId proxy) const;

    /// Picks the first candidate that the predicates accept. They run unlocked, on copies, and the pick is
    /// checked again afterwards. `use` is called with the lock held and the pick still available.
    template <class Use>
    void pick(std::unique_lock<std::mutex>& lock, const Search& search, Use use);

    AuditResult compare_counters(bool set_right);
    StoredProxy& insert(Proxy proxy);
    void replace(StoredProxy& stored, Proxy proxy);
    void erase(ProxyId id);
    void require_pool(PoolId id) const;
    /// The stored proxy that has this one's identity in the pool, or else its id.
    [[nodiscard]] std::optional<ProxyId> duplicate_of(const Proxy& proxy) const;

    InMemoryOptions options_;
    std::function<void(std::string_view pool)> on_available_;
    std::mutex mutex_;
    Timestamp now_{};
    std::int64_t last_use_sequence_ = 0;
    std::mt19937_64 random_;

    std::map<PoolId, ProxyPool> pools_;
    std::map<std::string, PoolId> pool_names_;
    std::map<std::string, Consumer> consumers_;  // by name
    std::map<ProxyId, StoredProxy> proxies_;
    std::map<PoolId, std::set<ProxyId>> proxies_of_;
    std::map<std::pair<PoolId, std::string>, ProxyId> identities_;
    std::map<LeaseId, Lease> leases_;  // active ones, and ended ones during their retention
    Deadlines deadlines_;              // active leases by expires_at
    Deadlines ended_;                  // ended leases by the time they ended
    std::vector<Lease> unreported_;    // expired ones
};

}  // namespace pharox
