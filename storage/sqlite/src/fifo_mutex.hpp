// A mutex that is handed on in the order of asking.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

namespace pharox::sqlite {

/// std::mutex lets the thread that just unlocked it lock it again before any that waits: under load some
/// would wait for ever. Here nobody overtakes.
class FifoMutex {
  public:
    void lock() {
        std::unique_lock guard(mutex_);
        if (!held_) {
            held_ = true;
            return;
        }
        Waiter waiter;
        queue_.push_back(&waiter);
        waiter.ready.wait(guard, [&] { return waiter.turn; });
    }

    void unlock() {
        const std::lock_guard guard(mutex_);
        if (queue_.empty()) {
            held_ = false;
            return;
        }
        Waiter* next = queue_.front();
        queue_.pop_front();
        next->turn = true;
        next->ready.notify_one();  // under the lock: the waiter's stack frame holds what is notified
    }

  private:
    struct Waiter {
        std::condition_variable ready;
        bool turn = false;
    };
    std::mutex mutex_;
    std::deque<Waiter*> queue_;
    bool held_ = false;
};

}  // namespace pharox::sqlite
