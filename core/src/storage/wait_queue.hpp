// Who waits for a proxy of one storage.
#pragma once

#include <memory>
#include <vector>

#include "pharox/storage/storage.hpp"

namespace pharox {

/// First come, first served, by one thread for all who wait. Waiters that ask for the same (pool, filters,
/// selector …) form a line of their own: where the head of a line misses, the others would, so what one freed
/// slot costs grows with the number of different questions, not of waiters. Between signals it looks again by
/// itself: for what expires, and for what other processes free. Every few milliseconds with jitter, or when
/// the watch says, which may be null.
class WaitQueue {
  public:
    WaitQueue(IStorage& storage, IPoolWatch* watch);
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue();

    /// `expired`: leases whose end is to be reported with the next result that leaves the queue.
    void enter(AcquireRequest request, AcquireCompletion done, std::stop_token stop,
               std::vector<Lease> expired);
    /// Whether a newcomer has to stand behind somebody. Lock-free. The queue's own calls never have to.
    [[nodiscard]] bool is_in_use() const noexcept;
    /// Whether this is the thread of a queue: if it waited in it, nobody would end the wait.
    [[nodiscard]] static bool serves_here() noexcept;
    /// Look again now.
    void wake() noexcept;
    /// Ends all waits with Miss::cancelled; nobody can enter any more, and the thread is gone.
    void stop() noexcept;

  private:
    class State;
    std::shared_ptr<State> state_;
};

}  // namespace pharox
