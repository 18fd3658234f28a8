#include "pharox/asio/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "pharox/errors.hpp"

namespace pharox::asio {
namespace {

constexpr std::size_t most_threads = 256;

WorkerPoolOptions checked(WorkerPoolOptions options) {
    if (options.threads < 1) throw ValidationError("threads", "0", "is below 1");
    if (options.threads > most_threads)
        throw ValidationError("threads", std::to_string(options.threads), "is above 256");
    if (options.queued < 1) throw ValidationError("queued", "0", "is below 1");
    return options;
}

}  // namespace

class WorkerPool::State {
  public:
    explicit State(WorkerPoolOptions options) : options_(checked(options)) {
        threads_.reserve(options_.threads);
        try {
            for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
        } catch (const std::system_error& error) {
            stop();
            throw Error("cannot start " + std::to_string(options_.threads) +
                        " threads of a worker pool: " + error.what());
        } catch (...) {
            stop();
            throw;
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { stop(); }

    bool post(std::function<void()> job, bool bounded) {
        {
            const std::lock_guard lock(mutex_);
            if (bounded && jobs_.size() >= options_.queued) return false;
            jobs_.push_back(std::move(job));
        }
        changed_.notify_one();
        return true;
    }

  private:
    void stop() noexcept {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    void run() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            std::function<void()> job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job();
            job = nullptr;
            lock.lock();
        }
    }

    WorkerPoolOptions options_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

WorkerPool::WorkerPool(WorkerPoolOptions options) : state_(std::make_unique<State>(options)) {}
WorkerPool::~WorkerPool() = default;
bool WorkerPool::post(std::function<void()> job) { return state_->post(std::move(job), true); }
void WorkerPool::post_always(std::function<void()> job) { state_->post(std::move(job), false); }

WorkerPool& WorkerPool::shared() {
    static WorkerPool pool;
    return pool;
}

}  // namespace pharox::asio
