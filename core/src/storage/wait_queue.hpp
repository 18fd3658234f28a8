// The queue of acquires that wait for a proxy of one store.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "pharox/storage/storage.hpp"

namespace pharox {

/// First come, first served, per pool. A storage and its decorators share one queue; each attempt for a
/// waiter calls the storage that it came through. One thread serves all pools in turn, one attempt at a time.
/// Waiters with equal requests form a group: if the oldest one misses, the others would too, so an available
/// proxy costs one attempt per different request, not per waiter. A pool is attempted again after
/// became_available(), and by a timer: after a few milliseconds, or the time that its watch returns. ADR
/// 0008.
class WaitQueue {
  public:
    WaitQueue();
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue();

    /// Before the first waiter.
    void set_watch(IPoolWatch& watch) noexcept;

    /// Waits until the deadline, whatever `request.wait` says; makes at least one attempt. `expired`: leases
    /// whose expiry is reported with the next result that leaves the queue. Throws StorageError if no thread
    /// can be started; `done` is then not called.
    void add(IStorage& storage, AcquireRequest request, std::chrono::steady_clock::time_point deadline,
             AcquireCompletion done, std::stop_token stop, std::vector<Lease> expired);
    /// True if requests for the pool are queued; new ones must queue too. Lock-free if none are.
    [[nodiscard]] bool has_waiters(std::string_view pool) const noexcept;
    /// True in attempts and completions of any queue: a call that waited there would block the queue's
    /// thread.
    [[nodiscard]] static bool runs_on_this_thread() noexcept;
    /// Attempts the pool's waiters again, or all if it is empty. Does nothing if there are none.
    void wake(std::string_view pool) noexcept;
    /// Ends the waits that came through this storage with Miss::cancelled. No attempt and no completion of
    /// them runs once this has returned.
    void end_waits_of(const IStorage& storage) noexcept;
    /// Ends all waits with Miss::cancelled and joins the thread. Later ones are cancelled at once.
    void stop() noexcept;

  private:
    class State;
    std::shared_ptr<State> state_;
};

}  // namespace pharox
