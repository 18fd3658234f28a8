// acquire + release, through the storage and through the manager, and renew, beside the floors in other
// files. bench/run runs it and compares the rates.
#include <benchmark/benchmark.h>

#include "workload.hpp"

namespace {

using namespace pharox;
using bench::Make;
using bench::memory;
using bench::pool_name;
using bench::sqlite_file;

void through_storage(benchmark::State& state, Make make, Selector selector) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, state.range(0), bench::leases_per_proxy);
    const AcquireRequest request{.pool = pool_name, .selector = selector};
    for (auto _ : state) {
        const AcquireResult got = storage->acquire(request);
        if (!got) state.SkipWithError("a miss");
        benchmark::DoNotOptimize(storage->release_lease({.lease_id = got.lease().id, .pool = pool_name}));
    }
    state.SetItemsProcessed(state.iterations());
}

void through_manager(benchmark::State& state, Make make) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, state.range(0), bench::leases_per_proxy);
    ProxyManager manager(storage);
    for (auto _ : state) {
        const AcquireResult got = manager.acquire({.pool = pool_name});
        if (!got) state.SkipWithError("a miss");
        benchmark::DoNotOptimize(manager.release(got.lease()));
    }
    state.SetItemsProcessed(state.iterations());
}

void renew(benchmark::State& state, Make make) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, state.range(0), bench::leases_per_proxy);
    const AcquireResult got = storage->acquire({.pool = pool_name});
    ILeaseControl& control = require_lease_control(*storage);
    for (auto _ : state) {
        if (!control.renew_lease({.lease_id = got.lease().id, .pool = pool_name}).renewed) {
            state.SkipWithError("not renewed");
        }
    }
    state.SetItemsProcessed(state.iterations());
}

void sizes(benchmark::internal::Benchmark* each) {
    for (const std::int64_t size : {32, 1'000, 10'000, 100'000}) each->Arg(size);
    each->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void one_size(benchmark::internal::Benchmark* each) {
    each->Arg(1'000)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(through_storage, memory, memory, Selector::first_available)->Apply(sizes);
BENCHMARK_CAPTURE(through_manager, memory, memory)->Apply(sizes);
BENCHMARK_CAPTURE(through_storage, sqlite, sqlite_file, Selector::first_available)->Apply(sizes);
BENCHMARK_CAPTURE(through_manager, sqlite, sqlite_file)->Apply(sizes);
BENCHMARK_CAPTURE(through_storage, sqlite_round_robin, sqlite_file, Selector::round_robin)->Apply(one_size);
BENCHMARK_CAPTURE(through_storage, sqlite_least_used, sqlite_file, Selector::least_used)->Apply(one_size);
BENCHMARK_CAPTURE(renew, memory, memory)->Apply(one_size);
BENCHMARK_CAPTURE(renew, sqlite, sqlite_file)->Apply(one_size);

}  // namespace
