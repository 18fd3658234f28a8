// Does things later: renewals of held leases, looks at leases held too long.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace pharox {

/// One thread for all tasks, started with the first. Thread-safe. May be destroyed by a task of its own.
class Scheduler {
  public:
    using Time = std::chrono::steady_clock::time_point;
    /// Does its work and says when it wants to run again; nothing: never. Must not throw.
    using Task = std::function<std::optional<Time>()>;

    Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    ~Scheduler();

    /// Runs the task at `first`, and again whenever it asks to.
    void add(Time first, Task task);

  private:
    struct Queue;
    static void run(const std::stop_token& stop, Queue& queue);

    std::shared_ptr<Queue> queue_;
    std::mutex thread_mutex_;
    std::jthread thread_;
};

}  // namespace pharox
