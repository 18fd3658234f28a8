// The business rules of leasing, on any storage.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <stop_token>
#include <string_view>

#include "pharox/clock.hpp"
#include "pharox/manager/events.hpp"
#include "pharox/manager/held_lease.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct ManagerOptions {
    /// Registers consumers that the store does not know, instead of throwing ConsumerNotFoundError. "default"
    /// is registered in any case. A consumer is registered when the store refuses an acquire because of it.
    bool register_unknown_consumers = false;
    /// Called with each exception of a callback, or of a destructor's release; `where` names the source.
    /// Absent: such exceptions are ignored. Exceptions of this function are ignored too.
    std::function<void(std::string_view where, std::exception_ptr error)> on_error{};
    /// Called once for each lease of hold() that is still held after `leak_threshold` (zero: never),
    /// or when the manager is closed or destroyed. Called from a thread of the manager, or from
    /// close().
    std::function<void(const LeakReport&)> on_leak{};
    Duration leak_threshold{0};
    /// The time of events. The times of leases are the store's.
    std::shared_ptr<const Clock> clock = system_clock();
};

/// The number of attempts, and the pauses between them.
struct RetryOptions {
    int attempts = 3;                       ///< at least 1
    Duration backoff{500};                  ///< before the second attempt; at least 0
    double multiplier = 2.0;                ///< of the pause, from attempt to attempt; at least 1
    std::optional<Duration> max_backoff{};  ///< no pause is longer; above 0
    double jitter = 0.0;                    ///< 0 to 1: each pause is shortened by up to this part, at random
    std::optional<Duration> deadline{};     ///< no attempt begins later than this after the first; above 0
    /// Whether the leased proxy is acceptable. Otherwise it is released, and excluded from further
    /// attempts.
    std::function<bool(const LeasedProxy&)> accept{};
    /// Replaces sleeping. close() interrupts the default.
    std::function<void(Duration)> sleep{};
};

/// Identifies a registered callback.
enum class CallbackId : std::uint64_t {};

/// Thread-safe. The cost is that of the storage: one call per operation, and one for statistics if a callback
/// requests them. Callbacks run in the thread in which the call completes: the calling thread, or, for an
/// asynchronous acquire that waited, the queue's thread, which serves all waiters. They run in the order of
/// registration, each with its own copy; an exception of a callback is passed to the error hook and has no
/// other effect.
class ProxyManager {
  public:
    /// Throws ValidationError if `storage` or the clock is null.
    explicit ProxyManager(std::shared_ptr<IStorage> storage, ManagerOptions options = {});
    ProxyManager(const ProxyManager&) = delete;
    ProxyManager& operator=(const ProxyManager&) = delete;
    ~ProxyManager();  ///< close(); waits for renewals in progress, after which no hook is called

    /// Leases a proxy that fits for `request.duration`, or returns a miss. Throws ValidationError,
    /// InvalidLeaseError, ConsumerNotFoundError, ConflictError, StorageError (which contains the lease id:
    /// repeating the request with it creates no second lease).
    AcquireResult acquire(AcquireRequest request);

    /// Repeats acquire after a miss that may pass, after a retryable StorageError (with the same lease id)
    /// and after a proxy that `accept` refuses. Misses pool_unknown and lease_ended are final. Each attempt
    /// is an event. The last attempt's result or exception is returned when attempts or time run out. An
    /// exception of `accept` is rethrown after the lease was released.
    AcquireResult acquire_with_retry(AcquireRequest request, const RetryOptions& retry = {});

    /// Asynchronous acquire: `done` is called once, in this thread or in one of the storage's, and must
    /// neither throw nor block. Throws ValidationError and InvalidLeaseError; `done` receives all other
    /// errors. A stop request, or close(), ends the wait with Miss::cancelled and leaves no lease behind.
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop = {});

    /// Ends the lease. `released` says whether this call ended it; only then do callbacks run.
    ReleaseResult release(const Lease& lease);
    ReleaseResult release(const ReleaseRequest& request);

    /// Extends the lease to at least now + duration. Throws UnsupportedError if the store cannot renew.
    RenewResult renew(const Lease& lease, Duration duration);
    RenewResult renew(const RenewRequest& request);

    /// Acquires, and releases at the end of the scope.
    HoldResult hold(AcquireRequest request, HoldOptions options = {},
                    std::source_location where = std::source_location::current());

    /// Asynchronous hold; see acquire_async.
    void hold_async(AcquireRequest request, HoldOptions options, HoldCompletion done,
                    std::stop_token stop = {}, std::source_location where = std::source_location::current());

    /// Ends all waits of this manager (Miss::cancelled), releases the leases of hold() and requests a stop on
    /// their lost() tokens. Afterwards acquire returns Miss::cancelled; release and renew still work. The
    /// destructor closes too.
    void close() noexcept;

    /// Collects expired leases, runs the release callbacks, and returns the number of leases.
    std::int64_t cleanup_expired_leases();

    CallbackId on_acquire(AcquireCallback callback, CallbackOptions options = {});
    CallbackId on_release(ReleaseCallback callback, CallbackOptions options = {});
    /// Returns whether the callback existed. It may still be running in another thread when this returns.
    bool unregister(CallbackId id);

    [[nodiscard]] IStorage& storage() const noexcept;

  private:
    friend class HeldLease;
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace pharox
