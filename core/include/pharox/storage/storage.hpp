// The storage contract: six methods that every adapter implements, and optional ones that it may add.
//
// docs/storage-contract.md states every rule with a number, and pharox::testkit checks them. In short:
//   - Every method is thread-safe. Results are copies, or immutable and shared.
//   - A proxy never has more than max_concurrency active leases. A lease ends once, and at expires_at at the
//     latest. An expired lease does not count, even before a call has collected it, that is, has recorded its
//     end and reported it.
//   - Input is validated before anything is changed (ValidationError). A failure of the store is a
//     StorageError and no other exception.
// A later release may add fields to requests and results, and virtual functions with a correct default. It
// does not change the six methods.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/errors.hpp"
#include "pharox/filters.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/model/stats.hpp"
#include "pharox/selector.hpp"

namespace [[gnu::visibility("default")]] pharox {

class ICatalog;
class IHealthLog;
class ILeaseControl;
class IMaintenance;
class IPoolWatch;
class WaitQueue;

inline constexpr std::string_view default_consumer_name = "default";

// ---- The six

struct FindRequest {
    std::string pool;
    ProxyFilters filters{};
    Selector selector = Selector::first_available;
    bool allow_slow = false;  ///< take a slow proxy if no active one is available
};
struct FindResult {
    std::optional<Proxy> proxy{};  ///< a copy; empty if no proxy fits or the pool is unknown
    std::vector<Lease> expired{};  ///< expired leases that this call collected
};

struct CreateLeaseRequest {
    ProxyId proxy_id{};
    std::string consumer{default_consumer_name};
    Duration duration = std::chrono::seconds(300);
    LeaseId lease_id{};  ///< nil: the store generates one
    Json metadata = Json::object();
    bool allow_slow = false;  ///< a slow proxy can be leased too
    /// The longest time from the lease's start to its end: at least `duration`. Absent: no limit.
    std::optional<Duration> max_tenure{};
};

struct EnsureConsumerRequest {
    std::string name;
};

struct ReleaseRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, if known: saves a look-up in some stores
};
struct ReleaseResult {
    bool released = false;         ///< whether this call ended it
    std::optional<Lease> lease{};  ///< as it now reads; empty if the store has no record of it
};

struct CleanupRequest {
    bool collect = false;  ///< whether to fill `CleanupResult::leases`
};
struct CleanupResult {
    std::int64_t count = 0;
    std::vector<Lease> leases{};  ///< ordered by expires_at, id
};

struct PoolStatsRequest {
    std::string pool;
};
using PoolStats = std::optional<PoolStatsSnapshot>;  ///< empty for an unknown pool

// ---- Acquire: find and lease in one step

struct AcquireRequest {
    std::string pool;
    std::string consumer{};  ///< empty: "default"
    Duration duration = std::chrono::seconds(300);
    ProxyFilters filters{};
    Selector selector = Selector::first_available;
    LeaseId lease_id{};  ///< nil: one is generated
    Json metadata = Json::object();
    bool allow_slow = false;               ///< take a slow proxy if no active one is available
    std::optional<Duration> max_tenure{};  ///< as in CreateLeaseRequest
    Duration wait{0};                      ///< the longest time that the call may take to find a proxy
    /// True if the caller has just generated lease_id and has not sent it to a storage before: then no lease
    /// with this id exists, and a request that is queued saves the look-up of one.
    bool lease_id_is_new = false;
};

/// Why nothing was leased.
enum class Miss : std::uint8_t {
    none_available,   ///< no proxy can be leased now; the store does not distinguish the reasons
    pool_unknown,     ///< there is no such pool
    nothing_matches,  ///< no active proxy fits the filters
    all_busy,         ///< active proxies fit, but each has reached its limit
    all_cooling,      ///< the proxies that fit are cooling down for the requested target
    session_busy,     ///< the session's proxy has reached its limit
    lease_ended,      ///< the lease id belongs to a lease that has ended
    queue_full,       ///< too many requests are queued
    cancelled,        ///< the caller, or the manager's close(), ended the wait
};
std::string_view to_string(Miss miss) noexcept;
/// Throws ValidationError(field, text, …).
Miss parse_miss(std::string_view text, std::string_view field = "miss");
std::ostream& operator<<(std::ostream& out, Miss miss);

/// Either a leased proxy, or the reason for a miss.
class AcquireResult {
  public:
    AcquireResult(LeasedProxy leased) : leased_(std::move(leased)) {}  // NOLINT(google-explicit-constructor)
    AcquireResult(Miss miss) : miss_(miss) {}                          // NOLINT(google-explicit-constructor)

    explicit operator bool() const noexcept { return leased_.has_value(); }
    /// Throw std::bad_optional_access on a miss.
    [[nodiscard]] const LeasedProxy& leased() const { return leased_.value(); }
    [[nodiscard]] const Proxy& proxy() const { return leased_.value().proxy(); }
    [[nodiscard]] const Lease& lease() const { return leased_.value().lease(); }
    /// Throws std::logic_error on a hit.
    [[nodiscard]] Miss miss() const;

    std::vector<Lease> expired{};  ///< expired leases that this call collected
    bool replayed = false;         ///< the lease existed already, with the requested id
    /// When the attempt began whose result this is. For a request that waited this is later than the call,
    /// and the lease began no earlier.
    std::chrono::steady_clock::time_point attempted_at{};

  private:
    std::optional<LeasedProxy> leased_{};
    Miss miss_ = Miss::none_available;
};

/// The outcome of an asynchronous acquire: a result, or an exception.
class AcquireOutcome {
  public:
    // NOLINTBEGIN(google-explicit-constructor, bugprone-throw-keyword-missing): holds what was thrown
    AcquireOutcome(AcquireResult result) : result_(std::move(result)) {}
    AcquireOutcome(std::exception_ptr error) : error_(std::move(error)) {}
    // NOLINTEND(google-explicit-constructor, bugprone-throw-keyword-missing)
    /// Returns the result, or throws.
    AcquireResult get() && {
        if (error_) std::rethrow_exception(error_);
        return *std::move(result_);
    }
    [[nodiscard]] const AcquireResult* result() const noexcept { return result_ ? &*result_ : nullptr; }
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

  private:
    std::optional<AcquireResult> result_{};
    std::exception_ptr error_{};
};
using AcquireCompletion = std::function<void(AcquireOutcome)>;

// ---- Batches

struct AcquireManyRequest {
    AcquireRequest each;    ///< the terms of every lease; lease_id and wait must not be set
    std::size_t count = 1;  ///< 1 to 1,000
    bool distinct = false;  ///< no proxy twice; otherwise a proxy may repeat within its limit
    /// One for each lease, so that the call can be repeated; empty: the call generates them.
    std::vector<LeaseId> lease_ids{};
};
struct AcquireManyResult {
    std::vector<LeasedProxy> leased{};  ///< as many as are available, up to `count`
    std::optional<Miss> miss{};         ///< if there are fewer than `count`: why
    std::vector<Lease> expired{};
};

// ---- The interface

class IStorage {
  public:
    IStorage(const IStorage&) = delete;
    IStorage& operator=(const IStorage&) = delete;
    virtual ~IStorage();

    /// Returns the first proxy, in the selector's order, that is active, is below its lease limit and fits
    /// the filters; nothing if there is none, or if the pool is unknown. Reserves nothing. A proxy is not
    /// passed over because another call has locked it, unless another one is returned.
    virtual FindResult find_available_proxy(const FindRequest& request) = 0;

    /// Atomically checks that the proxy is active and below its limit, and leases it for exactly `duration`.
    /// If a lease with the id exists, returns that lease while it is active, throws LeaseEndedError after its
    /// end, and ConflictError if it belongs to another consumer or pool. Throws InvalidLeaseError (duration),
    /// ProxyNotFoundError, ConsumerNotFoundError, ProxyUnavailableError; nothing is changed then.
    virtual LeasedProxy create_lease(const CreateLeaseRequest& request) = 0;

    /// Returns the id of the consumer of that name; creates the consumer if there is none. Concurrent calls
    /// return the same id.
    virtual ConsumerId ensure_consumer(const EnsureConsumerRequest& request) = 0;

    /// Ends the lease. `released` is false if the lease had ended before, or is unknown.
    virtual ReleaseResult release_lease(const ReleaseRequest& request) = 0;

    /// Collects every expired lease. Processes may call this concurrently; each lease is counted by one call.
    virtual CleanupResult cleanup_expired_leases(const CleanupRequest& request) = 0;

    /// Counts the pool's proxies and leases now. Nothing for an unknown pool.
    virtual PoolStats get_pool_stats(const PoolStatsRequest& request) = 0;

    // ---- optional: each has a default, which may be slower and is always correct

    /// One attempt to find and lease a proxy in one atomic step. Validates the request. Does not wait for a
    /// proxy to become available; a positive `request.wait` bounds other waits inside the store, such as for
    /// a lock of another process, if the adapter can bound them. The default calls find_available_proxy and
    /// create_lease, and both again as long as another call leases the found proxy first: while an available
    /// proxy fits, losing such a race is neither an error nor a miss. For an unknown pool and an unknown
    /// consumer the result is the miss; for an unknown consumer alone ConsumerNotFoundError is thrown.
    virtual AcquireResult try_acquire(const AcquireRequest& request);

    /// Makes one attempt by try_acquire, unless requests for the pool are queued. If those are, or after a
    /// miss, the request is queued until a proxy is leased or `request.wait` is over; the thread is blocked
    /// meanwhile. A stop request ends the time in the queue with Miss::cancelled. Called in a completion of
    /// acquire_async, of any storage, it makes one attempt and does not queue.
    AcquireResult acquire(const AcquireRequest& request, const std::stop_token& stop = {});

    /// The same without blocking. `done` is called once, by this call or by the queue's thread, and must
    /// neither throw nor block. A storage and its decorators share one queue of at most 100,000 requests. In
    /// each pool a proxy that becomes available goes to the oldest queued request that it fits; a request
    /// that no proxy fits does not delay younger ones. Each attempt calls this object's try_acquire. A stop
    /// request, or destroying the storage, ends the wait with Miss::cancelled. Throws, without calling
    /// `done`, ValidationError, and StorageError if the queue's thread cannot be started.
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop);

    /// Leases up to `count` proxies; if fewer are available, it leases those. If requests for the pool are
    /// queued, the call does not overtake them. The default leases one at a time, and if one of these throws,
    /// releases the others and rethrows. An override calls the default while has_waiters(pool).
    virtual AcquireManyResult acquire_many(const AcquireManyRequest& request);
    /// Releases each lease as release_lease does; results are in the order of the requests.
    virtual std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);

    // ---- capabilities; null if the store has none. The object lives as long as the storage.

    virtual ICatalog* catalog() { return nullptr; }
    virtual ILeaseControl* lease_control() { return nullptr; }
    virtual IHealthLog* health_log() { return nullptr; }
    virtual IMaintenance* maintenance() { return nullptr; }

  protected:
    /// For a storage with its own queue.
    IStorage();
    /// For a decorator: its requests wait in the queue of the storage that it wraps, which must outlive it.
    struct SharesQueueOf {
        IStorage& storage;
    };
    explicit IStorage(SharesQueueOf wrapped);

    /// An adapter calls this when a proxy may have become available in the pool (without a name: in any
    /// pool). The queue then attempts its requests at once instead of after a pause. Cheap if there are none.
    void became_available(std::string_view pool = {}) noexcept;
    /// True if requests for the pool are queued; new ones must queue too. Lock-free if none are.
    [[nodiscard]] bool has_waiters(std::string_view pool) const noexcept;
    /// An adapter's constructor calls this if its store notifies it of proxies that other processes free, so
    /// that the queue need not poll every few milliseconds. The watch must live as long as the adapter.
    void set_pool_watch(IPoolWatch& watch) noexcept;

  private:
    template <class Adapter>
    friend class Sealed;
    struct Seal {};
    /// Only Sealed<Adapter> can implement this, so an adapter cannot be instantiated without it.
    virtual void use_Sealed_of_this_class(Seal) const noexcept = 0;  // NOLINT(readability-identifier-naming)
    void end_waits() noexcept;

    std::shared_ptr<WaitQueue> queue_;
    bool owns_queue_ = true;
};

/// The class of every adapter or decorator object: `std::make_shared<Sealed<MyAdapter>>(…)`. It has the
/// constructors of MyAdapter, which by itself is abstract. The queue's thread calls virtual functions of the
/// object; the destructor of Sealed ends these calls before any member of the adapter is destroyed.
template <class Adapter>
class Sealed final : public Adapter {
  public:
    using Adapter::Adapter;
    ~Sealed() override { static_cast<IStorage&>(*this).end_waits(); }

  private:
    void use_Sealed_of_this_class(IStorage::Seal /*seal*/) const noexcept override {}
};

/// Each returns the capability, or throws UnsupportedError, which names it.
ICatalog& require_catalog(IStorage& storage);
ILeaseControl& require_lease_control(IStorage& storage);
IHealthLog& require_health_log(IStorage& storage);
IMaintenance& require_maintenance(IStorage& storage);

// ---- For adapters: input validation

/// Each checks a request against the rules of the contract and throws ValidationError; for durations,
/// InvalidLeaseError. An adapter calls these before anything else, in every method that takes such a request:
/// other layers do not validate requests that they pass on. For acquire and create_lease,
/// rules::Normalised does it.
void validate(const FindRequest& request);
void validate(const CreateLeaseRequest& request);
void validate(const EnsureConsumerRequest& request);
void validate(const AcquireRequest& request);
void validate(const AcquireManyRequest& request);
void validate_lease_duration(Duration duration);

}  // namespace pharox
