// Many threads on one store. Each thread keeps a log of what it held when; the logs are checked afterwards.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "clients/clients.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"
#include "runner/seeds.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// `threads` clients at once, all for `pool`.
Experience clients(Context& context, int threads, int rounds, const AcquireRequest& request) {
    std::mutex mutex;
    Experience all;
    in_threads(threads, [&](int) {
        const auto mine = acquire_and_release(context.store(), request, rounds);
        const std::lock_guard lock(mutex);
        all.add(mine);
    });
    return all;
}

void expect_all_free(Context& context, std::int64_t proxies) {
    const auto stats = context.stats();
    EXPECT_EQ(stats.total_leases, 0);
    EXPECT_EQ(stats.leased_proxies, 0);
    EXPECT_EQ(stats.available_proxies, proxies);
}

void racing_acquires_for_one_slot(Context& context) {
    context.add_proxy(context.add_pool());
    for (int round = 0; round < 10; ++round) {
        std::mutex mutex;
        std::vector<Lease> leases;
        in_threads(8, [&](int) {
            const auto acquired = context.store().acquire({.pool = "pool", .consumer = "worker"});
            const std::lock_guard lock(mutex);
            if (acquired) {
                leases.push_back(acquired.lease());
            } else {
                EXPECT_TRUE(acquired.miss() == Miss::all_busy || acquired.miss() == Miss::none_available);
            }
        });
        ASSERT_EQ(leases.size(), 1U);
        EXPECT_EQ(context.stats().total_leases, 1);
        EXPECT_TRUE(context.release(leases[0]));
    }
}

void racing_create_leases_for_one_slot(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 2; });
    for (int round = 0; round < 10; ++round) {
        std::mutex mutex;
        std::vector<Lease> leases;
        int refused = 0;
        in_threads(8, [&](int) {
            try {
                const auto leased = context.lease(proxy);
                const std::lock_guard lock(mutex);
                leases.push_back(leased.lease());
            } catch (const ProxyUnavailableError&) {
                const std::lock_guard lock(mutex);
                ++refused;
            }
        });
        EXPECT_EQ(leases.size(), 2U);
        EXPECT_EQ(refused, 6);
        for (const auto& lease : leases) {
            EXPECT_TRUE(context.release(lease));
        }
    }
    expect_all_free(context, 1);
}

void limits_hold_under_contention(Context& context) {
    context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = 2; });
    for (const auto selector : {Selector::first_available, Selector::random, Selector::least_used}) {
        const auto all =
            clients(context, 8, 60, {.pool = "pool", .consumer = "worker", .selector = selector});
        EXPECT_LE(worst_overlap(all.uses), 2) << selector;
        EXPECT_GT(all.uses.size(), 0U);
        EXPECT_EQ(all.lost, 0);
        expect_all_free(context, 3);
    }
}

void no_miss_while_a_proxy_is_available(Context& context) {
    context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 3; });
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::lowest_latency}) {
        const auto all =
            clients(context, 6, 60, {.pool = "pool", .consumer = "worker", .selector = selector});
        EXPECT_EQ(all.misses, 0) << selector;
        EXPECT_EQ(all.uses.size(), 360U) << selector;
        EXPECT_LE(worst_overlap(all.uses), 3) << selector;
    }
    expect_all_free(context, 2);
}

void storm_of_threads(Context& context) {
    context.add_proxies(context.add_pool(), 20);
    const int rounds = how_many(250, 2'000);
    const auto all = clients(context, 8, rounds, {.pool = "pool", .consumer = "worker"});
    EXPECT_EQ(all.misses, 0) << "never more than 8 of 20 were in use";
    EXPECT_EQ(all.lost, 0);
    EXPECT_EQ(all.uses.size(), static_cast<std::size_t>(8 * rounds));
    EXPECT_EQ(worst_overlap(all.uses), 1);
    expect_all_free(context, 20);
}

void find_never_misses_under_churn(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 2, [](Proxy& it) { it.max_concurrency = 4; });
    std::atomic<bool> done = false;
    std::jthread churn([&] {
        while (!done) {
            acquire_and_release(context.store(), {.pool = "pool", .consumer = "worker"}, 5);
        }
    });
    std::atomic<int> misses = 0;
    in_threads(2, [&](int number) {
        const auto selector = number == 0 ? Selector::first_available : Selector::round_robin;
        for (int i = 0; i < 150; ++i) {
            misses +=
                context.store().find_available_proxy({.pool = "pool", .selector = selector}).proxy ? 0 : 1;
        }
    });
    done = true;
    churn.join();
    EXPECT_EQ(misses, 0) << "7 of 8 slots were free all the time";
}

void unlimited_proxy_under_contention(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    in_threads(6, [&](int) {
        for (int i = 0; i < 25; ++i) {
            context.lease(proxy);
        }
    });
    EXPECT_EQ(context.stats().total_leases, 150);
    EXPECT_EQ(context.find("pool").value().current_leases, 150);
}

void limits_hold_when_they_change(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 4; });
    std::atomic<bool> done = false;
    std::jthread operations([&] {
        Proxy changing = proxy;
        for (int i = 0; !done; ++i) {
            changing.max_concurrency = 1 + i % 4;
            context.catalog().update_proxy(changing);
        }
    });
    std::mutex mutex;
    Experience all;
    in_threads(6, [&](int) {
        const auto mine = acquire_and_release(context.store(), {.pool = "pool", .consumer = "worker"}, 60);
        const std::lock_guard lock(mutex);
        all.add(mine);
    });
    done = true;
    operations.join();
    EXPECT_LE(worst_overlap(all.uses), 4);
    EXPECT_EQ(all.lost, 0);
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_EQ(context.leases_on(proxy), 0);
}

/// All calls concurrently; afterwards the counters must agree with what each thread still holds.
void any_history_leaves_true_counters(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 4, [](Proxy& it) { it.max_concurrency = 3; });
    std::mutex mutex;
    std::vector<Lease> held;
    in_threads(6, [&](int number) {
        std::mt19937 random(static_cast<unsigned>(number));
        std::vector<Lease> mine;
        for (int i = 0; i < 60; ++i) {
            const auto dice = random() % 8;
            if (dice < 4) {
                if (const auto acquired = context.store().acquire({.pool = "pool", .consumer = "worker"})) {
                    mine.push_back(acquired.lease());
                }
            } else if (dice < 6 && !mine.empty()) {
                std::swap(mine[random() % mine.size()], mine.back());
                EXPECT_TRUE(context.release(mine.back()));
                EXPECT_FALSE(context.release(mine.back()));
                mine.pop_back();
            } else if (dice == 6) {
                try {
                    mine.push_back(context.lease(proxies[random() % proxies.size()]).lease());
                } catch (const ProxyUnavailableError&) {
                    continue;  // full: as it should be
                }
            } else {
                context.store().cleanup_expired_leases({});
                EXPECT_LE(context.stats().total_leases, 12);
            }
        }
        const std::lock_guard lock(mutex);
        held.insert(held.end(), mine.begin(), mine.end());
    });
    std::map<ProxyId, int> on;
    for (const auto& lease : held) {
        ++on[lease.proxy_id];
    }
    const auto stats = context.stats();
    EXPECT_EQ(stats.total_leases, static_cast<std::int64_t>(held.size()));
    EXPECT_EQ(stats.leased_proxies, static_cast<std::int64_t>(on.size()));
    for (const auto& [id, count] : on) {
        EXPECT_LE(count, 3);
        if (context.has_catalog()) {
            EXPECT_EQ(context.catalog().get_proxy(id).value().current_leases, count);
        }
    }
    for (const auto& lease : held) {
        EXPECT_TRUE(context.release(lease));
    }
    expect_all_free(context, 4);
}

void short_leases_under_contention(Context& context) {
    context.use_system_clock();
    context.add_proxies(context.add_pool(), 2);
    std::mutex mutex;
    std::vector<Use> uses;
    std::atomic<int> leased{0};
    // No lease is released: each use lasts until its lease expires, which is later than so long after the
    // question. An answer that comes later still is no use.
    in_threads(4, [&](int) {
        for (int i = 0; i < 12; ++i) {
            const auto over = monotonic_now() + 15'000'000;
            const auto acquired =
                context.store().acquire({.pool = "pool", .consumer = "worker", .duration = 20ms});
            const auto from = monotonic_now();
            if (acquired) {
                ++leased;
                const std::lock_guard lock(mutex);
                if (from < over) uses.push_back({.proxy = acquired.proxy().id, .from = from, .to = over});
            } else {
                std::this_thread::sleep_for(2ms);
            }
        }
    });
    EXPECT_LE(worst_overlap(uses), 1);
    EXPECT_GE(leased, 2);
}

}  // namespace

std::vector<Case> race_cases() {
    return {
        {"racing_acquires_for_one_slot", {"L-12", "A-06"}, {}, racing_acquires_for_one_slot},
        {"racing_create_leases_for_one_slot", {"L-12", "L-05"}, {}, racing_create_leases_for_one_slot},
        {"limits_hold_under_contention", {"L-12"}, {}, limits_hold_under_contention},
        {"no_miss_while_a_proxy_is_available", {"A-06", "F-06"}, {}, no_miss_while_a_proxy_is_available},
        {"storm_of_threads", {"A-06", "L-12"}, {}, storm_of_threads},
        {"find_never_misses_under_churn", {"F-06"}, {}, find_never_misses_under_churn},
        {"unlimited_proxy_under_contention", {"L-08", "L-03"}, {}, unlimited_proxy_under_contention},
        {"limits_hold_when_they_change", {"L-12", "C-07"}, {.catalog = true}, limits_hold_when_they_change},
        {"any_history_leaves_true_counters", {"G-03", "L-03", "R-02"}, {}, any_history_leaves_true_counters},
        {"short_leases_under_contention", {"L-12", "A-07"}, {}, short_leases_under_contention},
    };
}

}  // namespace pharox::testkit
