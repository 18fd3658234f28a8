// The storage contract: six methods that every adapter implements, and what it may add.
//
// docs/storage-contract.md states every rule with a number, and pharox::testkit checks them. In short:
//   - Every method is thread-safe. Everything returned is a copy, or immutable and shared.
//   - No lease is granted while a proxy has max_concurrency active leases. A lease ends once, at the latest
//     at expires_at, collected or not: from then on nothing counts it.
//   - Input is validated first (ValidationError); nothing third-party escapes (StorageError).
// New fields in requests and results, and new virtuals with a true default, may come in any release; the six
// stay as they are.
#pragma once

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
    bool allow_slow = false;  ///< take a slow proxy where no active one is available
};
struct FindResult {
    std::optional<Proxy>
        proxy{};  ///< a copy of one candidate; nothing where none fits or the pool is unknown
    std::vector<Lease> expired{};  ///< leases that this call found expired and ended
};

struct CreateLeaseRequest {
    ProxyId proxy_id{};
    std::string consumer{default_consumer_name};
    Duration duration = std::chrono::seconds(300);
    LeaseId lease_id{};  ///< nil: the store draws one
    Json metadata = Json::object();
    bool allow_slow = false;  ///< a slow proxy is leasable too
    /// How long renewals may keep the lease, from its start: at least `duration`. Absent: no bound.
    std::optional<Duration> max_tenure{};
};

struct EnsureConsumerRequest {
    std::string name;
};

struct ReleaseRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, where known: saves some stores a look-up
};
struct ReleaseResult {
    bool released = false;         ///< whether this call ended it
    std::optional<Lease> lease{};  ///< as it now reads; nothing where the store has no record of it
};

struct CleanupRequest {
    bool collect = false;  ///< whether `CleanupResult::leases` is wanted
};
struct CleanupResult {
    std::int64_t count = 0;
    std::vector<Lease> leases{};  ///< ordered by expires_at, id
};

struct PoolStatsRequest {
    std::string pool;
};
using PoolStats = std::optional<PoolStatsSnapshot>;  ///< nothing for an unknown pool

// ---- Acquire: find and lease in one step

struct AcquireRequest {
    std::string pool;
    std::string consumer{};  ///< empty: "default"
    Duration duration = std::chrono::seconds(300);
    ProxyFilters filters{};
    Selector selector = Selector::first_available;
    LeaseId lease_id{};  ///< nil: one is drawn
    Json metadata = Json::object();
    bool allow_slow = false;               ///< take a slow proxy where no active one is available
    std::optional<Duration> max_tenure{};  ///< as in CreateLeaseRequest
    Duration wait{0};                      ///< how long to wait, in the storage's queue, for a fitting one
    /// The caller has drawn lease_id for this call and never sent it before: no lease of that id can exist,
    /// and a queued request need not look for one.
    bool lease_id_is_new = false;
};

/// Why nothing was leased.
enum class Miss : std::uint8_t {
    none_available,   ///< nothing to lease now; telling more would cost too much
    pool_unknown,     ///< there is no such pool
    nothing_matches,  ///< no active proxy fits the filters
    all_busy,         ///< active ones fit, but each has as many leases as it may have
    all_cooling,      ///< what fits cools down for the asked target
    session_busy,     ///< the session's proxy is full
    lease_ended,      ///< the lease id names a lease that has ended
    queue_full,       ///< too many wait already
    cancelled,        ///< the caller, or the manager's close(), ended the wait
};
std::string_view to_string(Miss miss) noexcept;
/// Throws ValidationError(field, text, …).
Miss parse_miss(std::string_view text, std::string_view field = "miss");
std::ostream& operator<<(std::ostream& out, Miss miss);

/// Either a leased proxy, or why there is none.
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

    std::vector<Lease> expired{};  ///< leases that this call found expired and ended
    bool replayed = false;         ///< the lease was there already: the same lease id was asked before

  private:
    std::optional<LeasedProxy> leased_{};
    Miss miss_ = Miss::none_available;
};

/// How an asynchronous acquire went: a result, or what it threw.
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
    AcquireRequest each;    ///< applies to every lease; without a lease_id and a wait of its own
    std::size_t count = 1;  ///< 1 to 1,000
    bool distinct = false;  ///< no proxy twice; otherwise one may repeat within its limit
    /// One for each lease, so that the call may be repeated; empty: they are drawn.
    std::vector<LeaseId> lease_ids{};
};
struct AcquireManyResult {
    std::vector<LeasedProxy> leased{};  ///< as many as could be had, up to `count`
    std::optional<Miss> miss{};         ///< why there are not more, if there are fewer
    std::vector<Lease> expired{};
};

// ---- The interface

class IStorage {
  public:
    IStorage(const IStorage&) = delete;
    IStorage& operator=(const IStorage&) = delete;
    virtual ~IStorage();

    /// One active proxy of the pool below its lease limit that fits the filters, first in the selector's
    /// order. Reserves nothing. Never misses because another caller is busy with a row. An unknown pool is a
    /// miss.
    virtual FindResult find_available_proxy(const FindRequest& request) = 0;

    /// Atomically checks that the proxy is active and below its limit, and leases it for exactly `duration`.
    /// A lease id that exists answers first: the same lease while it is active, LeaseEndedError after,
    /// ConflictError if it was made for another consumer or pool. Throws InvalidLeaseError (duration),
    /// ProxyNotFoundError, ConsumerNotFoundError, ProxyUnavailableError; each changes nothing.
    virtual LeasedProxy create_lease(const CreateLeaseRequest& request) = 0;

    /// The id of the consumer of that name, who is made if there is none. Idempotent under races.
    virtual ConsumerId ensure_consumer(const EnsureConsumerRequest& request) = 0;

    /// Ends the lease, once: a second call, an expired or an unknown lease answer `released == false`.
    virtual ReleaseResult release_lease(const ReleaseRequest& request) = 0;

    /// Ends every lease whose expires_at has come. Any number of processes may do it at once; each lease is
    /// counted by one of them.
    virtual CleanupResult cleanup_expired_leases(const CleanupRequest& request) = 0;

    virtual PoolStats get_pool_stats(const PoolStatsRequest& request) = 0;

    // ---- what an adapter may add; each has a default that is slower, never wrong

    /// find_available_proxy and create_lease in one atomic step; `wait` is not looked at. The default repeats
    /// the two when another caller was faster: while a fitting proxy is free, a lost race is neither an error
    /// nor a miss. An unknown pool is reported before an unknown consumer (ConsumerNotFoundError).
    virtual AcquireResult try_acquire(const AcquireRequest& request);

    /// try_acquire, unless requests for the pool are queued: then it queues behind them. On a miss it waits
    /// for up to `request.wait`, and blocks the thread. In a completion of acquire_async it does not wait. A
    /// stop request ends the time in the queue with Miss::cancelled.
    AcquireResult acquire(const AcquireRequest& request, const std::stop_token& stop = {});

    /// The same without a thread: `done` is called once, from this call or from the queue's thread, and must
    /// neither throw nor block. The queue belongs to the storage and its decorators, holds at most 100,000
    /// requests, and is first come, first served per pool: a freed proxy goes to the oldest queued request
    /// that it fits, before any newer one; a request that nothing fits does not block those behind it. Each
    /// attempt calls this object's try_acquire. A stop request ends the wait with Miss::cancelled, and so
    /// does destroying the storage. Throws without calling `done`: ValidationError, and StorageError if the
    /// queue's thread cannot be started.
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop);

    /// Up to `count` at once; fewer is no error. Queues behind waiting requests, as acquire. The default
    /// acquires one by one, and releases what it has where a later one throws. An override calls the default
    /// while has_waiters(pool).
    virtual AcquireManyResult acquire_many(const AcquireManyRequest& request);
    /// Each as by release_lease; the results come in the order of the requests.
    virtual std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests);

    // ---- capabilities; null where the store has none. The pointer lives as long as the storage.

    virtual ICatalog* catalog() { return nullptr; }
    virtual ILeaseControl* lease_control() { return nullptr; }
    virtual IHealthLog* health_log() { return nullptr; }
    virtual IMaintenance* maintenance() { return nullptr; }

  protected:
    /// A storage with a queue of its own.
    IStorage();
    /// A decorator: its waiting requests share the queue, and so the order and the notifications, of the
    /// storage that it wraps, which must outlive it.
    struct SharesQueueOf {
        IStorage& storage;
    };
    explicit IStorage(SharesQueueOf wrapped);

    /// An adapter calls this when something may have become available in the pool (or, with no name, in any):
    /// its queued requests are attempted again soon instead of after a pause. Cheap if there are none.
    void became_available(std::string_view pool = {}) noexcept;
    /// True if requests for the pool are queued; new ones must queue too. Lock-free where none are.
    [[nodiscard]] bool has_waiters(std::string_view pool) const noexcept;
    /// An adapter's constructor may call this: the store itself tells what other processes free, so that the
    /// queue need not attempt every few milliseconds. The watch is a member of the adapter.
    void set_pool_watch(IPoolWatch& watch) noexcept;

  private:
    template <class Adapter>
    friend class Sealed;
    struct Seal {};
    /// Only Sealed<Adapter> implements this, so an adapter cannot be made without it.
    virtual void use_Sealed_of_this_class(Seal) const noexcept = 0;  // NOLINT(readability-identifier-naming)
    void end_waits() noexcept;

    std::shared_ptr<WaitQueue> queue_;
    bool owns_queue_ = true;
};

/// The class to make objects of: `std::make_shared<Sealed<MyAdapter>>(…)`, with the adapter's constructors.
/// An adapter or decorator by itself is abstract. The queue's thread calls its virtual functions; Sealed ends
/// that before the first member of the adapter is destroyed.
template <class Adapter>
class Sealed final : public Adapter {
  public:
    using Adapter::Adapter;
    ~Sealed() override { static_cast<IStorage&>(*this).end_waits(); }

  private:
    void use_Sealed_of_this_class(IStorage::Seal /*seal*/) const noexcept override {}
};

/// The capability, or UnsupportedError that names it.
ICatalog& require_catalog(IStorage& storage);
ILeaseControl& require_lease_control(IStorage& storage);
IHealthLog& require_health_log(IStorage& storage);
IMaintenance& require_maintenance(IStorage& storage);

// ---- For adapters: input validation

/// Check a request as the contract demands, before anything else. Throw ValidationError, for durations
/// InvalidLeaseError.
void validate(const FindRequest& request);
void validate(const CreateLeaseRequest& request);
void validate(const EnsureConsumerRequest& request);
void validate(const AcquireRequest& request);
void validate(const AcquireManyRequest& request);
void validate_lease_duration(Duration duration);

}  // namespace pharox
