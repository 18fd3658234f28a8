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
    /// Register consumers that the store does not know, instead of throwing ConsumerNotFoundError. "default"
    /// is always registered.
    bool register_unknown_consumers = false;
    /// Told of what a callback, or a destructor's release, threw; `where` names it. Absent: ignored. What it
    /// throws itself is ignored.
    std::function<void(std::string_view where, std::exception_ptr error)> on_error{};
    /// Told once of each lease that hold() gave out and that is still held after `leak_threshold` (zero:
    /// never), or when the manager is closed or destroyed. Called from a thread of the manager's, or from
    /// close().
    std::function<void(const LeakReport&)> on_leak{};
    Duration leak_threshold{0};
    /// Dates the events. Leases are dated by the store.
    std::shared_ptr<const Clock> clock = system_clock();
};

/// How often, and with which pauses, to ask again.
struct RetryOptions {
    int attempts = 3;                       ///< at least 1
    Duration backoff{500};                  ///< before the second attempt; at least 0
    double multiplier = 2.0;                ///< of the pause, from attempt to attempt; at least 1
    std::optional<Duration> max_backoff{};  ///< no pause is longer; above 0
    double jitter = 0.0;                    ///< 0 to 1: each pause is shortened by up to this part, at random
    std::optional<Duration> deadline{};     ///< no attempt begins later than this after the first; above 0
    /// Whether the leased proxy will do. One that will not is released, and excluded from the further
    /// attempts.
    std::function<bool(const LeasedProxy&)> accept{};
    /// Instead of sleeping, which close() cuts short.
    std::function<void(Duration)> sleep{};
};

/// Identifies a registered callback.
enum class CallbackId : std::uint64_t {};

/// Thread-safe. Costs what its storage costs: one call an operation, and one for statistics if a callback
/// wants them. Callbacks run in the thread in which the call completes: the calling one, or of an
/// asynchronous acquire that waited, the storage's own, which serves all who wait. They run in the order of
/// registration, each with a copy of its own; one that throws is reported to the error hook and stops
/// nothing.
class ProxyManager {
  public:
    /// Throws ValidationError where `storage` or the clock is null.
    explicit ProxyManager(std::shared_ptr<IStorage> storage, ManagerOptions options = {});
    ProxyManager(const ProxyManager&) = delete;
    ProxyManager& operator=(const ProxyManager&) = delete;
    ~ProxyManager();

    /// A proxy that fits, leased for `request.duration`, or why there is none. Throws ValidationError,
    /// InvalidLeaseError, ConsumerNotFoundError, ConflictError, StorageError (which carries the lease id, so
    /// that the same request may be repeated without leasing twice).
    AcquireResult acquire(AcquireRequest request);

    /// acquire, and again on a miss that may pass, on a retryable StorageError (with the same lease id) and
    /// on a proxy that `accept` refuses. Misses pool_unknown and lease_ended are final. Each attempt is an
    /// event of its own. When attempts or time run out, what the last attempt said or threw is the answer.
    /// What `accept` throws is thrown, after the lease was released.
    AcquireResult acquire_with_retry(AcquireRequest request, const RetryOptions& retry = {});

    /// acquire without a thread: `done` is called once, in this thread or in one of the storage's; it must
    /// neither throw nor block. Throws ValidationError and InvalidLeaseError; all else is told to `done`. A
    /// stop request, or close(), ends the wait with Miss::cancelled and leaves no lease behind.
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop = {});

    /// Ends the lease. `released` says whether this call did; only then do callbacks fire.
    ReleaseResult release(const Lease& lease);
    ReleaseResult release(const ReleaseRequest& request);

    /// Extends the lease to at least now + duration. Throws UnsupportedError where the store cannot.
    RenewResult renew(const Lease& lease, Duration duration);
    RenewResult renew(const RenewRequest& request);

    /// acquire, and release at the end of the scope.
    HoldResult hold(AcquireRequest request, HoldOptions options = {},
                    std::source_location where = std::source_location::current());

    /// hold without a thread, as acquire_async.
    void hold_async(AcquireRequest request, HoldOptions options, HoldCompletion done,
                    std::stop_token stop = {}, std::source_location where = std::source_location::current());

    /// Wakes everybody who waits for a lease (Miss::cancelled), releases what hold() gave out and fires its
    /// lost(). From then on acquire answers Miss::cancelled; release and renew go on working. The destructor
    /// closes too.
    void close() noexcept;

    /// Ends what has expired, tells the release callbacks, and returns how many there were.
    std::int64_t cleanup_expired_leases();

    CallbackId on_acquire(AcquireCallback callback, CallbackOptions options = {});
    CallbackId on_release(ReleaseCallback callback, CallbackOptions options = {});
    /// Whether there was such a callback. It may still be running in another thread when this returns.
    bool unregister(CallbackId id);

    [[nodiscard]] IStorage& storage() const noexcept;

  private:
    friend class HeldLease;
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace pharox
