// The minimal cost of leasing in memory: the first free slot of a bitset, and a table of leases, under a
// mutex.
#include <benchmark/benchmark.h>

#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "pharox/model/id.hpp"

namespace {

using pharox::LeaseId;

/// A set of small numbers that finds its smallest member in one step per level.
class FirstFree {
  public:
    explicit FirstFree(std::size_t size) {
        std::size_t words = (size + 63) / 64;
        for (levels_.emplace_back(words); words > 1; levels_.emplace_back(words)) words = (words + 63) / 64;
        for (std::size_t i = 0; i < size; ++i) insert(i);
    }
    void insert(std::size_t number) {
        for (auto& level : levels_) {
            level[number / 64] |= std::uint64_t{1} << (number % 64);
            number /= 64;
        }
    }
    void erase(std::size_t number) {
        for (auto& level : levels_) {
            level[number / 64] &= ~(std::uint64_t{1} << (number % 64));
            if (level[number / 64] != 0) return;
            number /= 64;
        }
    }
    [[nodiscard]] std::size_t first() const {
        std::size_t number = 0;
        for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
            number = number * 64 + static_cast<std::size_t>(std::countr_zero((*level)[number]));
        }
        return number;
    }

  private:
    std::vector<std::vector<std::uint64_t>> levels_;
};

struct LeaseSlot {
    std::size_t proxy = 0;
    std::array<std::uint64_t, 7> rest{};
};

void floor_of_memory(benchmark::State& state) {
    FirstFree free(static_cast<std::size_t>(state.range(0)));
    std::unordered_map<LeaseId, LeaseSlot> leases;
    std::mutex mutex;
    for (auto _ : state) {
        const LeaseId id = LeaseId::make();
        {
            const std::lock_guard lock(mutex);
            const std::size_t proxy = free.first();
            free.erase(proxy);
            leases.emplace(id, LeaseSlot{.proxy = proxy});
        }
        const std::lock_guard lock(mutex);
        const auto lease = leases.find(id);
        free.insert(lease->second.proxy);
        leases.erase(lease);
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(floor_of_memory)
    ->Arg(32)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
