// Runs tasks later: renewals of held leases, reports of leases held too long.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace pharox {

/// Tasks run on up to `most_threads` threads: the first is started with the first task, a further one while
/// all others are busy. So a task that hangs delays the others only if as many hang. No task runs twice at
/// once. Thread-safe. May be destroyed by a task of its own.
class Scheduler {
  public:
    using Time = std::chrono::steady_clock::time_point;
    /// Does its work and returns when to run again; empty: never. Must not throw.
    using Task = std::function<std::optional<Time>()>;

    explicit Scheduler(std::size_t most_threads = 1);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    ~Scheduler();

    /// Runs the task at `first`, and again at the times that it returns. Throws Error if no thread can be
    /// started.
    void add(Time first, Task task);
    /// Returns when no task runs, except the one that calls this; none starts afterwards.
    void stop() noexcept;

  private:
    struct Queue;
    static void run(const std::shared_ptr<Queue>& queue);
    /// Starts a thread if none waits for tasks.
    static void start_if_all_are_busy(const std::shared_ptr<Queue>& queue);

    std::shared_ptr<Queue> queue_;
};

}  // namespace pharox
