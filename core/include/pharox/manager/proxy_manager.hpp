// The business rules of leasing, on any storage.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>

#include "pharox/clock.hpp"
#include "pharox/manager/events.hpp"
#include "pharox/manager/held_lease.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox {

struct ManagerOptions {
    /// Register consumers that the store does not know, instead of throwing ConsumerNotFoundError. "default"
    /// is always registered.
    bool register_unknown_consumers = false;
    /// Told of what a callback, or a destructor's release, threw; `where` names it. Absent: ignored. What it
    /// throws itself is ignored.
    std::function<void(std::string_view where, std::exception_ptr error)> on_error{};
    /// Dates the events. Leases are dated by the store.
    std::shared_ptr<const Clock> clock = system_clock();
};

/// Identifies a registered callback.
enum class CallbackId : std::uint64_t {};

/// Thread-safe. Costs what its storage costs: one call an operation, and one for statistics if a callback
/// wants them. Callbacks run in the calling thread, in the order of registration, each with a copy of its
/// own; one that throws is reported to the error hook and stops nothing.
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

    /// Ends the lease. `released` says whether this call did; only then do callbacks fire.
    ReleaseResult release(const Lease& lease);
    ReleaseResult release(const ReleaseRequest& request);

    /// Extends the lease to at least now + duration. Throws UnsupportedError where the store cannot.
    RenewResult renew(const Lease& lease, Duration duration);
    RenewResult renew(const RenewRequest& request);

    /// acquire, and release at the end of the scope.
    HoldResult hold(AcquireRequest request, HoldOptions options = {});

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
