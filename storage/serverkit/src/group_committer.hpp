// Group commit: calls that are made at the same time are executed as one batch.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>

namespace pharox::serverkit {

/// Base class of a call that may be executed in a batch. Request and result belong to the derived class.
class BatchedCall {
    template <class Call>
    friend class GroupCommitter;
    bool taken_ = false;  // by a batch
    bool done_ = false;
    std::condition_variable woken_;
};

struct GroupCommitLimits {
    std::size_t calls = 32;   ///< of one batch, at most `max_calls`
    std::size_t leaders = 2;  ///< batches that are executed at the same time
    /// A call that waited so long leads a batch although `leaders` others are executing: a batch that hangs
    /// delays other calls by this and not by its own timeout.
    std::chrono::microseconds longest_wait = std::chrono::milliseconds(5);
};

/// One FIFO queue. The call at its head becomes leader while fewer than `leaders` batches are executing: it
/// takes the queued calls that are compatible with each other, in order, executes them in its own thread, and
/// wakes them. `Call` derives from BatchedCall and has `bool compatible(const Call&) const` and
/// `bool compatible_with_all() const`; calls that are compatible with one call which is not compatible with
/// all are compatible with each other. Neither throws. Thread-safe.
template <class Call>
class GroupCommitter {
  public:
    static constexpr std::size_t max_calls = 64;

    explicit GroupCommitter(GroupCommitLimits limits = {}) : limits_(limits) {}

    /// Returns when `call` was part of a batch that some caller's `execute(std::span<Call* const>)` was
    /// called with; the first call of a batch is its leader's own. An exception from `execute` reaches the
    /// leader only.
    template <class Execute>
    void run(Call& call, Execute execute) {
        Batch batch;
        std::unique_lock lock(mutex_);
        queue_.push_back(&call);
        if (!may_lead(call)) {
            call.woken_.wait_until(lock, std::chrono::steady_clock::now() + limits_.longest_wait,
                                   [&] { return call.taken_ || may_lead(call); });
        }
        if (call.taken_) {
            call.woken_.wait(lock, [&] { return call.done_; });
            return;
        }
        take(call, batch);
        ++executing_;
        wake_head();
        lock.unlock();
        struct Completion {
            GroupCommitter& committer;
            Batch& batch;
            ~Completion() { committer.complete(batch); }
        } const completion{.committer = *this, .batch = batch};
        execute(std::span<Call* const>(batch.calls.data(), batch.size));
    }

    /// The number of queued calls.
    [[nodiscard]] std::size_t queued() {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }

  private:
    struct Batch {
        std::array<Call*, max_calls> calls{};
        std::size_t size = 0;
    };

    [[nodiscard]] bool may_lead(const Call& call) const {
        return executing_ < limits_.leaders && queue_.front() == &call;
    }
    void take(Call& leader, Batch& batch) noexcept {
        const auto add = [&](Call* call) {
            call->taken_ = true;
            batch.calls[batch.size++] = call;
        };
        add(&leader);
        const Call* kind = &leader;
        for (Call* const call : queue_) {
            if (batch.size == std::min(limits_.calls, max_calls)) break;
            if (call->taken_ || !call->compatible(*kind)) continue;
            add(call);
            if (kind->compatible_with_all()) kind = call;
        }
        std::erase_if(queue_, [](const Call* call) { return call->taken_; });
    }
    void wake_head() noexcept {
        if (executing_ < limits_.leaders && !queue_.empty()) queue_.front()->woken_.notify_one();
    }
    void complete(const Batch& batch) noexcept {
        // A call is destroyed only after its thread has locked the mutex again.
        const std::lock_guard lock(mutex_);
        --executing_;
        wake_head();  // first: the next batch can start
        for (std::size_t i = 0; i < batch.size; ++i) {
            batch.calls[i]->done_ = true;
            if (i > 0) batch.calls[i]->woken_.notify_one();
        }
    }

    const GroupCommitLimits limits_;
    std::mutex mutex_;
    std::deque<Call*> queue_;
    std::size_t executing_ = 0;
};

}  // namespace pharox::serverkit
