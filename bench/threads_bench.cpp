// Threads that share one SQLite storage: their total throughput, their shares, and the longest
// call.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

using namespace pharox;
using bench::pool_name;
using Steady = std::chrono::steady_clock;

constexpr std::int64_t cycles_of_all = 4'000;

struct Share {
    std::int64_t cycles = 0;
    Steady::duration worst{};
    bool missed = false;
};

void work(IStorage& storage, std::atomic<std::int64_t>& left, Share& share) {
    Share mine;
    while (left.fetch_sub(1) > 0 && !mine.missed) {
        const auto asked = Steady::now();
        const AcquireResult got = storage.acquire({.pool = pool_name});
        mine.worst = std::max(mine.worst, Steady::now() - asked);
        mine.missed = !got;
        if (got) storage.release_lease({.lease_id = got.lease().id, .pool = pool_name});
        ++mine.cycles;
    }
    share = mine;
}

/// state.range(0) threads. `worst_ms` is the longest acquire; `least_share` is the smallest share of a
/// thread, relative to an equal share.
void threads(benchmark::State& state) {
    const bench::TemporaryFolder folder;
    const auto storage = bench::sqlite_file(folder, 1'000);
    Steady::duration worst{};
    double least = 1.0;
    for (auto _ : state) {
        std::atomic<std::int64_t> left{cycles_of_all};
        std::vector<Share> shares(static_cast<std::size_t>(state.range(0)));
        {
            std::vector<std::jthread> running;
            for (Share& share : shares) {
                running.emplace_back([&storage, &left, &share] { work(*storage, left, share); });
            }
        }
        for (const Share& share : shares) {
            if (share.missed) state.SkipWithError("a miss");
            worst = std::max(worst, share.worst);
            least = std::min(least, static_cast<double>(share.cycles * state.range(0)) / cycles_of_all);
        }
    }
    state.SetItemsProcessed(state.iterations() * cycles_of_all);
    state.counters["worst_ms"] = std::chrono::duration<double, std::milli>(worst).count();
    state.counters["least_share"] = least;
}

BENCHMARK(threads)->Name("threads/sqlite")->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
