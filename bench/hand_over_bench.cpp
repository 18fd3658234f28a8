// The time from a release to the moment in which the oldest waiter has the lease, and, as the floor, from one
// thread to another and back.
#include <benchmark/benchmark.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <semaphore>
#include <thread>

#include "workload.hpp"

namespace {

using namespace pharox;
using namespace std::chrono_literals;
using bench::Make;
using bench::pool_name;

/// One proxy with a limit of one lease, and a queue for it.
class Queue {
  public:
    explicit Queue(IStorage& storage) : storage_(storage) {}

    void enter() {
        storage_.acquire_async({.pool = pool_name, .wait = 600s},
                               [this](AcquireOutcome outcome) {
                                   const std::lock_guard lock(mutex_);
                                   answers_.push_back(std::move(outcome));
                                   arrived_.release();
                               },
                               {});
    }
    /// Waits for the next completion.
    AcquireResult next() {
        arrived_.acquire();
        const std::lock_guard lock(mutex_);
        AcquireOutcome outcome = std::move(answers_.front());
        answers_.pop_front();
        return std::move(outcome).get();
    }

  private:
    IStorage& storage_;
    std::mutex mutex_;
    std::deque<AcquireOutcome> answers_;
    std::counting_semaphore<> arrived_{0};
};

/// state.range(0) requests wait all the time.
void hand_over(benchmark::State& state, Make make) {
    const bench::TemporaryFolder folder;
    auto storage = make(folder, 1, 1);
    Queue queue(*storage);
    AcquireResult held = storage->acquire({.pool = pool_name});
    for (std::int64_t i = 1; i < state.range(0); ++i) queue.enter();
    for (auto _ : state) {
        queue.enter();
        const auto start = std::chrono::steady_clock::now();
        storage->release_lease({.lease_id = held.lease().id, .pool = pool_name});
        held = queue.next();
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        if (!held) {
            state.SkipWithError("a miss");
            break;
        }
    }
    state.SetItemsProcessed(state.iterations());
    storage.reset();  // ends the remaining waits while the queue still runs
}

void floor_of_hand_over(benchmark::State& state) {
    std::binary_semaphore there{0};
    std::binary_semaphore back{0};
    std::jthread other([&](const std::stop_token& stop) {
        for (there.acquire(); !stop.stop_requested(); there.acquire()) back.release();
    });
    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        there.release();
        back.acquire();
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    state.SetItemsProcessed(state.iterations());
    other.request_stop();
    there.release();
}

BENCHMARK_CAPTURE(hand_over, memory, bench::memory)
    ->Arg(1)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(hand_over, sqlite, bench::sqlite_file)
    ->Arg(1)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(floor_of_hand_over)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
