// Throughput in one pool, alone and beside 1,000 waiters in another pool of the same store.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <stop_token>
#include <string>
#include <vector>

#include "pharox/pharox.hpp"

namespace pharox::bench {

/// Cycles (an acquire and its release) a second of one thread.
inline double cycles_per_second(IStorage& storage, const std::string& pool, std::chrono::milliseconds time) {
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + time;
    std::size_t cycles = 0;
    auto now = begin;
    for (; now < end; now = std::chrono::steady_clock::now()) {
        const AcquireResult acquired = storage.acquire({.pool = pool});
        storage.release_lease({.lease_id = acquired.lease().id, .pool = pool});
        ++cycles;
    }
    return static_cast<double>(cycles) / std::chrono::duration<double>(now - begin).count();
}

/// Alternates between with and without waiters; prints the medians and the median of the rounds' ratios.
inline void measure_beside_waiters(const char* name, IStorage& storage, int rounds,
                                   std::chrono::milliseconds time) {
    constexpr std::size_t waiters = 1'000;
    storage.ensure_consumer({.name = std::string(default_consumer_name)});
    for (const std::string pool : {"busy", "full"}) {
        const ProxyPool stored = storage.catalog()->add_pool({.name = pool});
        const int proxies = pool == "busy" ? 100 : 1;
        for (int i = 0; i < proxies; ++i) {
            storage.catalog()->add_proxy({.pool_id = stored.id,
                                          .host = "10.0.0." + std::to_string(i),
                                          .port = 8080,
                                          .status = ProxyStatus::active,
                                          .max_concurrency = 1});
        }
    }
    const AcquireResult held = storage.acquire({.pool = "full", .duration = std::chrono::hours(1)});
    cycles_per_second(storage, "busy", time);  // warms up
    std::vector<double> alone;
    std::vector<double> beside;
    std::vector<double> ratios;
    for (int round = 0; round < rounds; ++round) {
        alone.push_back(cycles_per_second(storage, "busy", time));
        std::stop_source stop;
        std::atomic<std::size_t> ended{0};
        for (std::size_t i = 0; i < waiters; ++i) {
            storage.acquire_async(
                {.pool = "full", .wait = std::chrono::hours(1)},
                [&](const AcquireOutcome&) {
                    ++ended;
                    ended.notify_one();
                },
                stop.get_token());
        }
        beside.push_back(cycles_per_second(storage, "busy", time));
        stop.request_stop();
        for (std::size_t seen = ended; seen < waiters; seen = ended) ended.wait(seen);
        ratios.push_back(beside.back() / alone.back());
    }
    const auto median = [](std::vector<double> values) {
        std::ranges::sort(values);
        return values[values.size() / 2];
    };
    std::printf("%-10s alone %10.0f /s   beside %zu waiters %10.0f /s   ratio %.2f\n", name, median(alone),
                waiters, median(beside), median(ratios));
    std::fflush(stdout);
}

}  // namespace pharox::bench
