// N leases held at once: acquired by one call for all of them, and by N calls. A cycle is one acquire and one
// release.
#include <benchmark/benchmark.h>

#include <vector>

#include "workload.hpp"

namespace {

using namespace pharox;
using bench::Make;
using bench::pool_name;

constexpr std::int64_t proxies = 1'000;

void batch(benchmark::State& state, Make make) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, proxies, bench::leases_per_proxy);
    const auto count = static_cast<std::size_t>(state.range(0));
    std::vector<ReleaseRequest> given_back;
    for (auto _ : state) {
        const auto got = storage->acquire_many({.each = {.pool = pool_name}, .count = count});
        if (got.leased.size() != count) state.SkipWithError("a miss");
        given_back.clear();
        for (const LeasedProxy& leased : got.leased) {
            given_back.push_back({.lease_id = leased.lease().id, .pool = pool_name});
        }
        benchmark::DoNotOptimize(storage->release_many(given_back));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void single(benchmark::State& state, Make make) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, proxies, bench::leases_per_proxy);
    std::vector<LeaseId> held;
    for (auto _ : state) {
        held.clear();
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            const AcquireResult got = storage->acquire({.pool = pool_name});
            if (!got) {
                state.SkipWithError("a miss");
                return;
            }
            held.push_back(got.lease().id);
        }
        for (const LeaseId& id : held) {
            benchmark::DoNotOptimize(storage->release_lease({.lease_id = id, .pool = pool_name}));
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void counts(benchmark::internal::Benchmark* bench) {
    bench->Arg(1)->Arg(10)->Arg(100)->UseRealTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(batch, memory, bench::memory)->Apply(counts);
BENCHMARK_CAPTURE(single, memory, bench::memory)->Apply(counts);
BENCHMARK_CAPTURE(batch, sqlite, bench::sqlite_file)->Apply(counts);
BENCHMARK_CAPTURE(single, sqlite, bench::sqlite_file)->Apply(counts);

}  // namespace
