// A mutex that serves threads in the order in which they called lock().
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

namespace pharox::sqlite {

/// With std::mutex the thread that has just unlocked it can lock it again before a waiting thread: under load
/// some threads starve. Here no thread overtakes another.
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
        next->ready.notify_one();  // under the lock: the condition variable is in the waiter's stack frame
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
