// Threads for stores whose calls block.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace [[gnu::visibility("default")]] pharox {
namespace asio {

struct WorkerPoolOptions {
    std::size_t threads = 4;      ///< 1 to 256: as many calls to stores as may block at once
    std::size_t queued = 10'000;  ///< at least 1: calls that may wait for a thread
};

/// A bounded executor. Thread-safe. Its destructor lets what was accepted finish.
class WorkerPool {
  public:
    /// Throws ValidationError.
    explicit WorkerPool(WorkerPoolOptions options = {});
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();

    /// Runs the job, which must not throw, in one of the threads; false, and nothing happens, where too many
    /// wait.
    bool post(std::function<void()> job);
    /// The same for what must happen, however many wait: giving a lease back.
    void post_always(std::function<void()> job);

    /// One for the process, made at first use with the default options.
    static WorkerPool& shared();

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace asio
}  // namespace pharox
