// acquire + release, through the storage and through the manager, beside the floors in the other files.
// Run by bench/run, which sets the rates in relation.
#include <benchmark/benchmark.h>

#include "pharox/sqlite/storage.hpp"
#include "workload.hpp"

namespace {

using namespace pharox;
using bench::pool_name;

std::shared_ptr<IStorage> memory(const bench::TemporaryFolder& /*folder*/, std::int64_t proxies) {
    auto storage = std::make_shared<InMemoryStorage>();
    bench::fill(*storage, proxies);
    return storage;
}
/// Closed after the filling and opened again, so that no measurement pays for its write-ahead log.
std::shared_ptr<IStorage> sqlite_file(const bench::TemporaryFolder& folder, std::int64_t proxies) {
    const sqlite::Options options{.path = folder.path() / "pools.db"};
    bench::fill(*sqlite::make_storage(options), proxies);
    return sqlite::make_storage(options);
}
using Make = std::shared_ptr<IStorage> (*)(const bench::TemporaryFolder&, std::int64_t);

void through_storage(benchmark::State& state, Make make, Selector selector) {
    const bench::TemporaryFolder folder;
    const auto storage = make(folder, state.range(0));
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
    const auto storage = make(folder, state.range(0));
    ProxyManager manager(storage);
    for (auto _ : state) {
        const AcquireResult got = manager.acquire({.pool = pool_name});
        if (!got) state.SkipWithError("a miss");
        benchmark::DoNotOptimize(manager.release(got.lease()));
    }
    state.SetItemsProcessed(state.iterations());
}

void sizes(benchmark::internal::Benchmark* bench) {
    for (const std::int64_t proxies : {32, 1'000, 10'000, 100'000}) bench->Arg(proxies);
    bench->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void one_size(benchmark::internal::Benchmark* bench) {
    bench->Arg(1'000)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(through_storage, memory, memory, Selector::first_available)->Apply(sizes);
BENCHMARK_CAPTURE(through_manager, memory, memory)->Apply(sizes);
BENCHMARK_CAPTURE(through_storage, sqlite, sqlite_file, Selector::first_available)->Apply(sizes);
BENCHMARK_CAPTURE(through_manager, sqlite, sqlite_file)->Apply(sizes);
BENCHMARK_CAPTURE(through_storage, sqlite_round_robin, sqlite_file, Selector::round_robin)->Apply(one_size);
BENCHMARK_CAPTURE(through_storage, sqlite_least_used, sqlite_file, Selector::least_used)->Apply(one_size);

}  // namespace
