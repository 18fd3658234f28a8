// A thread pool for stores whose calls block.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace [[gnu::visibility("default")]] pharox {
namespace asio {

struct WorkerPoolOptions {
    std::size_t threads = 4;      ///< 1 to 256: maximum number of concurrent calls to stores
    std::size_t queued = 10'000;  ///< at least 1: calls that may wait for a thread
};

/// A bounded executor. Thread-safe. Its destructor waits for accepted jobs.
class WorkerPool {
  public:
    /// Throws ValidationError, and Error if the threads cannot be started.
    explicit WorkerPool(WorkerPoolOptions options = {});
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();

    /// Runs the job, which must not throw, in one of the threads. Returns false, without running it, if too
    /// many jobs wait.
    bool post(std::function<void()> job);
    /// As above, but never refused, for jobs that must run: releasing a lease.
    void post_always(std::function<void()> job);

    /// The default pool of the process, created on first use with the default options.
    static WorkerPool& shared();

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace asio
}  // namespace pharox
