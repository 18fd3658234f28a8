// What leasing needs of a database: transactions with a small set of named statements. An adapter implements
// these interfaces with its statements and its row mapping; the order of checks is in Leasing. What the
// catalog needs: catalog_store.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operation.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"
#include "pick_plan.hpp"

namespace pharox::sqlkit {

/// A proxy with the values that only the store uses.
struct ProxyRow {
    Proxy proxy;
    std::int64_t fencing_token = 0;
    double random_key = 0;
    double weighted_key = 0;
};

/// The state of a pool's random orders: see random_order.
struct RandomKeys {
    double random_high = 0;    ///< the largest key that was picked
    double weighted_high = 0;  ///< the same, by weight
    double largest_weight = 0;
};

/// One open transaction of the database. Its destructor rolls back what was not committed. Statements throw
/// StorageError.
class Transaction {
  public:
    Transaction() = default;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    virtual ~Transaction() = default;

    /// The store's time: one instant for the whole transaction, never earlier than in a transaction that
    /// committed before.
    virtual Timestamp now() = 0;
    virtual void commit() = 0;
    /// After the commit, wakes the waiters of the pool, because a proxy may be available. A lease names the
    /// pool that it was taken from: if its proxy has moved since, the queue's timer finds it.
    virtual void makes_available(const std::string& pool) = 0;
    /// An exponentially distributed number with mean 1.
    virtual double draw_exponential() = 0;

    /// Empty for an unknown pool.
    virtual std::optional<RandomKeys> random_keys(PoolId pool) = 0;
    /// Records the end of an active lease, and decrements its proxy's lease count. `opens` is whether the
    /// proxy becomes available by this, if lease_to_end() has returned it.
    virtual void end_lease(const Lease& ended, std::optional<bool> opens) = 0;
};

/// The first query of an acquire or a find.
struct PickContext {
    std::optional<PoolId> pool{};
    std::optional<ConsumerId> consumer{};
    bool lease_known = false;  ///< the lease id is taken
    bool any_expired = false;  ///< an expired lease, of any pool, is not collected yet
};

struct LeaseToEnd {
    Lease lease;  ///< as stored
    std::optional<bool> opens{};
};

/// For Leasing. A read transaction is a snapshot, and only its reading functions are called.
class LeaseTransaction : public Transaction {
  public:
    virtual PickContext acquire_context(const AcquireRequest& request) = 0;
    /// create_lease: consumer, lease_known and any_expired.
    virtual PickContext create_context(const CreateLeaseRequest& request) = 0;
    /// pool and any_expired.
    virtual PickContext find_context(const std::string& pool) = 0;

    /// The rows of the plan in its order. Their lease counts may include expired leases.
    virtual std::vector<ProxyRow> available(const PickPlan& plan, PoolId pool, std::size_t limit) = 0;
    virtual std::vector<ProxyId> available_ids(const PickPlan& plan, PoolId pool) = 0;
    /// The row of one proxy, if the plan selects it.
    virtual std::optional<ProxyRow> available_by_id(const PickPlan& plan, PoolId pool, ProxyId id) = 0;
    /// Whether a proxy matches the plan, ignoring the selector: among full proxies, or among those below
    /// their limit.
    virtual bool has_match(const PickPlan& plan, PoolId pool, bool full) = 0;
    /// The proxy as stored, and the name of its pool.
    virtual std::optional<std::pair<ProxyRow, std::string>> proxy_to_lease(ProxyId id) = 0;

    /// As stored: an expired lease may still read active.
    virtual std::optional<Lease> lease(LeaseId id) = 0;
    virtual std::optional<LeaseToEnd> lease_to_end(LeaseId id) = 0;
    /// The proxy of an active lease, which always exists.
    virtual Proxy proxy_of(const Lease& active) = 0;
    /// Records the lease and the new state of its proxy: one more lease, the next use sequence number, the
    /// lease's fencing token.
    virtual void insert_lease(const Lease& lease, const Proxy& counted) = 0;
    virtual void set_expiry(const Lease& lease) = 0;
    virtual void delete_ended_lease(LeaseId id) = 0;
    /// Active leases that expired by now, the earliest first.
    virtual std::vector<Lease> expired_leases(int limit) = 0;
    /// How many ended leases are recorded.
    virtual std::int64_t ended_leases() = 0;
    /// Deletes leases that ended by `until`, the earliest first. Returns how many.
    virtual std::int64_t delete_ended_until(Timestamp until, std::int64_t limit) = 0;
    /// Deletes health records that are older than their retention. Returns how many.
    virtual std::int64_t prune_health_records(int limit) = 0;

    /// Gives the proxy the next use sequence number, without a lease.
    virtual void move_to_end(ProxyId proxy) = 0;
    /// Records a random pick: the largest key that was picked, and the proxy's next key.
    virtual void set_random_keys(Selector selector, const Proxy& picked, double high, double key) = 0;

    /// Up to `limit + 1` leases by id, as stored, without those that ended by `forgotten_until`.
    virtual std::vector<Lease> list_leases(const ListLeasesRequest& request, Timestamp forgotten_until) = 0;
    virtual PoolStats pool_stats(const std::string& pool) = 0;
};

/// The transactions for Leasing.
class LeaseStore {
  public:
    struct Retention {
        Duration leases{};
        std::size_t retained_leases = 0;
    };

    LeaseStore() = default;
    LeaseStore(const LeaseStore&) = delete;
    LeaseStore& operator=(const LeaseStore&) = delete;
    virtual ~LeaseStore() = default;

    virtual std::unique_ptr<LeaseTransaction> read(const Operation& operation) = 0;
    virtual std::unique_ptr<LeaseTransaction> write(const Operation& operation) = 0;
    [[nodiscard]] virtual const Dialect& dialect() const noexcept = 0;
    /// Before the first use of a plan, and outside transactions: creates the index that it needs.
    virtual void prepare(const PickPlan& plan) = 0;
    [[nodiscard]] virtual Retention retention() const noexcept = 0;
};

}  // namespace pharox::sqlkit
