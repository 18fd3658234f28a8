// A complete storage adapter on an ordered key-value table: everything is kept as text records and found by
// indexes of keys. It shares no code with the in-memory storage, so that a mistake of one is not a mistake of
// both; and it has named bugs that tests switch on, one at a time.
//
// Keys (ids as text, times and numbers by in_order):
//   pool/ID              pool-name/NAME -> ID
//   consumer/NAME        consumer-id/ID -> NAME
//   proxy/ID             member/POOL/PROXY              identity/POOL/URL -> PROXY
//   lease/ID             expires/TIME/LEASE             ended/TIME/LEASE
//                        on/PROXY/LEASE (active)        by/CONSUMER/LEASE (active)
//   last-check/PROXY     check/PROXY/TIME/RECORD        check-id/RECORD
//   meta/mark            meta/now
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "independent/planted.hpp"
#include "independent/records.hpp"
#include "independent/tables.hpp"
#include "pharox/clock.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::testkit::independent {

struct RecordStoreOptions {
    std::filesystem::path file{};  ///< empty: nothing outlives the object
    std::shared_ptr<const pharox::Clock> clock = system_clock();
    Duration retention = std::chrono::hours(1);
    std::size_t retained_leases = 20;
    Duration health_retention = std::chrono::hours(2);
    std::size_t health_records = 1'000;
    Planted planted{};
};

class RecordStore : public IStorage,
                    private ICatalog,
                    private ILeaseControl,
                    private IHealthLog,
                    private IMaintenance {
  public:
    explicit RecordStore(RecordStoreOptions options);

    FindResult find_available_proxy(const FindRequest& request) override;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override;
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override;
    ReleaseResult release_lease(const ReleaseRequest& request) override;
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override;
    PoolStats get_pool_stats(const PoolStatsRequest& request) override;
    AcquireResult try_acquire(const AcquireRequest& request) override;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override;
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override;
    ICatalog* catalog() override { return this; }
    ILeaseControl* lease_control() override { return this; }
    IHealthLog* health_log() override { return this; }
    IMaintenance* maintenance() override { return this; }

    /// Makes the counter of a proxy wrong, for tests of the audit.
    void break_counter(ProxyId proxy, int counter);

  private:
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

    RenewResult renew_lease(const RenewRequest& request) override;
    ReleaseResult revoke_lease(const RevokeRequest& request) override;
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override;
    Page<Lease> list_leases(const ListLeasesRequest& request) override;

    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override;
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override;
    void save_health_record(const ProxyHealthRecord& record) override;
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override;

    void ping() override {}
    AuditResult audit() override { return compare_counters(false); }
    AuditResult repair() override { return compare_counters(true); }

    struct Wanted {
        const std::string& pool;
        const ProxyFilters& filters;
        Selector selector;
        bool allow_slow;
    };

    // Called with mutex_ held, but for transact and choose.

    /// Collects what has expired, then runs `action`, as two transactions.
    template <class Action>
    auto transact(Action action);
    void collect_expired();
    void forget_ended();
    std::vector<Lease> take_unreported();
    void end_lease(Lease& lease, Timestamp at, ReleaseReason reason);
    ReleaseResult end_by_request(LeaseId id, ReleaseReason reason);
    std::int64_t revoke(const std::vector<std::string>& leases);
    void update_counter(ProxyId proxy, int by);
    std::int64_t next_mark();
    LeasedProxy make_lease(const ProxyRecord& record, const Consumer& consumer, const AcquireRequest& terms);
    std::optional<LeasedProxy> repeated(LeaseId id, const std::string& consumer);

    [[nodiscard]] std::string pool_key(const std::string& name) const;
    [[nodiscard]] std::string consumer_key(const std::string& name) const;
    [[nodiscard]] std::optional<ProxyPool> pool_named(const std::string& name) const;
    [[nodiscard]] std::string name_of(PoolId id) const;
    [[nodiscard]] std::optional<Consumer> consumer_named(const std::string& name) const;
    [[nodiscard]] std::optional<ProxyRecord> proxy_record(ProxyId id) const;
    [[nodiscard]] std::optional<Lease> lease_record(LeaseId id) const;
    [[nodiscard]] std::vector<ProxyRecord> members(PoolId pool) const;
    void put(const ProxyRecord& record);
    void put(const Lease& lease);

    [[nodiscard]] bool is_full(const Proxy& proxy) const;
    [[nodiscard]] bool is_leasable(const Proxy& proxy, bool allow_slow) const;
    /// The proxies that fit and are below their limit, in the selector's order: active ones, then slow ones
    /// if they are allowed.
    std::vector<ProxyRecord> candidates(const Wanted& wanted, PoolId pool);
    void sort(std::vector<ProxyRecord>& records, Selector selector);
    [[nodiscard]] Miss kind_of_miss(const Wanted& wanted) const;
    /// Calls `use` with the first candidate, in a transaction; predicates run between transactions.
    template <class Result>
    Result choose(const Wanted& wanted, const std::function<std::optional<Result>()>& before,
                  const std::function<Result(ProxyRecord&)>& use, const std::function<Result()>& otherwise);
    AcquireResult acquire_now(const AcquireRequest& request);

    Proxy insert(const Proxy& proxy);
    Proxy replace(const ProxyRecord& before, Proxy proxy);
    void erase(const Proxy& proxy);
    [[nodiscard]] std::optional<ProxyId> duplicate_of(const Proxy& proxy) const;
    void require_pool(PoolId id) const;
    void forget_checks(ProxyId proxy);
    AuditResult compare_counters(bool set_right);

    RecordStoreOptions options_;
    Planted planted_;
    Codec codec_;
    std::mutex mutex_;
    Tables tables_;
    Timestamp now_{};
    std::vector<Lease> unreported_;  // expired, and told to no caller yet
    /// The records last read and the texts they were read from: decoding takes most of an acquire's time.
    mutable std::map<std::string, std::pair<std::string, ProxyRecord>> decoded_;
    bool available_ = false;  // something may have become available in this transaction
    std::mt19937_64 random_{std::random_device{}()};
};

template <class Action>
auto RecordStore::transact(Action action) {
    std::unique_lock const lock(mutex_);
    {
        Tables::Transaction transaction(tables_);
        collect_expired();
        transaction.commit();
    }
    Tables::Transaction transaction(tables_);
    auto result = action();
    transaction.commit();
    if (std::exchange(available_, false)) became_available();
    return result;
}

}  // namespace pharox::testkit::independent
