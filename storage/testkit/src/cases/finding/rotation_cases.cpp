// round_robin, and the use sequence that it follows.
#include <algorithm>
#include <map>
#include <mutex>
#include <random>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

ProxyId next(Context& context, const ProxyFilters& filters = {}) {
    const auto found = context.find("pool", filters, Selector::round_robin);
    return found ? found->id : ProxyId();
}

LeasedProxy take(Context& context, const ProxyFilters& filters = {}) {
    return context.acquire({.pool = "pool", .filters = filters, .selector = Selector::round_robin}).leased();
}

void rotation_goes_in_id_order(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 3);
    for (int round = 0; round < 3; ++round) {
        for (const auto& proxy : proxies) {
            EXPECT_EQ(next(context), proxy.id);
        }
    }
    for (int round = 0; round < 3; ++round) {
        for (const auto& proxy : proxies) {
            const auto leased = take(context);
            EXPECT_EQ(leased.proxy().id, proxy.id);
            EXPECT_TRUE(context.release(leased.lease()));
        }
    }
}

void rotation_while_leases_are_kept(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 4);
    for (const auto& proxy : proxies) {
        EXPECT_EQ(take(context).proxy().id, proxy.id) << "the order of the others stays the same";
    }
}

void uses_advance_the_use_sequence(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = 3; });
    const auto& a = proxies[0];
    const auto& b = proxies[1];
    const auto& c = proxies[2];
    for (const auto selector : {Selector::first_available, Selector::least_used, Selector::lowest_latency,
                                Selector::random, Selector::weighted_random}) {
        context.find("pool", {}, selector);
        EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, a.id)
            << "a find with " << selector << " does not advance the use sequence";
    }
    EXPECT_EQ(next(context), a.id) << "other finds do not advance the use sequence";
    const auto lease = context.lease(b);
    EXPECT_EQ(next(context), c.id) << "a lease does";
    EXPECT_EQ(next(context), a.id);
    EXPECT_TRUE(context.release(lease.lease()));
    EXPECT_EQ(next(context), c.id) << "the end of a lease advances it again";
    EXPECT_EQ(next(context), a.id);
    EXPECT_FALSE(context.release(lease.lease()));
    EXPECT_EQ(next(context), b.id) << "a second release does not";
    // c, a, b; an acquire with any other selector advances it too.
    EXPECT_EQ(context.acquire({.pool = "pool", .selector = Selector::least_used}).proxy().id, c.id);
    EXPECT_EQ(next(context), a.id);
    EXPECT_EQ(next(context), b.id);
    EXPECT_EQ(next(context), c.id);
}

void expiry_advances_the_use_sequence(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = 3; });
    context.lease(proxies[0], context.short_time());
    EXPECT_EQ(next(context), proxies[1].id);
    EXPECT_EQ(next(context), proxies[2].id);
    context.expire("pool", context.short_time());
    EXPECT_LE(context.cleanup(), 1);
    EXPECT_EQ(next(context), proxies[1].id) << "the lease on the first ended after this one's last use";
    EXPECT_EQ(next(context), proxies[2].id);
    EXPECT_EQ(next(context), proxies[0].id);
}

void rotation_is_fair_to_mixed_filters(Context& context) {
    const auto pool = context.add_pool();
    for (int i = 0; i < 6; ++i) {
        context.add_proxy(pool, [&](Proxy& it) { it.country = i % 2 == 0 ? "AR" : "BR"; });
    }
    std::map<ProxyId, int> used;
    for (int i = 0; i < 60; ++i) {
        const auto leased = take(context, {.country = i % 2 == 0 ? "AR" : "BR"});
        ++used[leased.proxy().id];
        EXPECT_TRUE(context.release(leased.lease()));
    }
    EXPECT_EQ(used.size(), 6U);
    for (const auto& [id, count] : used) {
        EXPECT_NEAR(count, 10, 1) << id;
    }
}

void rotation_is_fair_to_a_part_and_the_whole(Context& context) {
    const auto pool = context.add_pool();
    for (int i = 0; i < 4; ++i) {
        context.add_proxy(pool, [&](Proxy& it) { it.country = i % 2 == 0 ? "AR" : "BR"; });
    }
    std::map<ProxyId, int> used;
    for (int i = 0; i < 80; ++i) {
        const auto leased = take(context, i % 2 == 0 ? ProxyFilters{} : ProxyFilters{.country = "BR"});
        ++used[leased.proxy().id];
        EXPECT_TRUE(context.release(leased.lease()));
    }
    for (const auto& [id, count] : used) {
        EXPECT_NEAR(count, 20, 1) << id;
    }
    EXPECT_EQ(used.size(), 4U);
}

void rotation_is_fair_to_any_order_of_release(Context& context) {
    context.add_proxies(context.add_pool(), 5);
    std::mt19937 random(7);
    std::map<ProxyId, int> used;
    for (int i = 0; i < 50; ++i) {
        std::vector<LeasedProxy> held{take(context), take(context)};
        std::shuffle(held.begin(), held.end(), random);
        for (const auto& leased : held) {
            ++used[leased.proxy().id];
            EXPECT_TRUE(context.release(leased.lease()));
        }
    }
    EXPECT_EQ(used.size(), 5U);
    for (const auto& [id, count] : used) {
        EXPECT_NEAR(count, 20, 5) << id;
    }
}

void unused_proxies_come_first(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    EXPECT_EQ(next(context), proxies[0].id);
    EXPECT_EQ(next(context), proxies[1].id);
    const auto late = context.add_proxy(pool, [](Proxy& it) { it.id = proxy_id(0, 1); });
    EXPECT_EQ(next(context), late.id) << "never used";
    EXPECT_EQ(next(context), proxies[0].id);
    EXPECT_EQ(next(context), proxies[1].id);
    EXPECT_EQ(next(context), late.id);
}

void rotation_goes_on_after_reopening(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 3);
    EXPECT_EQ(next(context), proxies[0].id);
    EXPECT_TRUE(context.release(take(context).lease()));
    context.reopen();
    EXPECT_EQ(next(context), proxies[2].id);
    EXPECT_EQ(next(context), proxies[0].id);
    context.reopen();
    EXPECT_EQ(next(context), proxies[1].id);
}

void rotation_is_fair_to_threads(Context& context) {
    context.add_proxies(context.add_pool(), 5, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::mutex mutex;
    std::map<ProxyId, int> used;
    in_threads(4, [&](int) {
        for (int i = 0; i < 50; ++i) {
            const auto leased = context.store().acquire(
                {.pool = "pool", .consumer = "worker", .selector = Selector::round_robin});
            const std::lock_guard lock(mutex);
            ++used[leased.proxy().id];
        }
    });
    // Leases are kept, so only acquires advance the use sequence. A store's own acquire would make it 40
    // each; with the default two callers may find the same one before either leases it.
    EXPECT_EQ(used.size(), 5U);
    for (const auto& [id, count] : used) {
        EXPECT_NEAR(count, 40, 12) << id;
    }
}

}  // namespace

std::vector<Case> rotation_cases() {
    return {
        {"rotation_goes_in_id_order", {"S-02", "S-08"}, {.exact_rotation = true}, rotation_goes_in_id_order},
        {"rotation_while_leases_are_kept",
         {"S-02"},
         {.exact_rotation = true},
         rotation_while_leases_are_kept},
        {"uses_advance_the_use_sequence", {"S-09"}, {.exact_rotation = true}, uses_advance_the_use_sequence},
        {"expiry_advances_the_use_sequence",
         {"S-09"},
         {.exact_rotation = true},
         expiry_advances_the_use_sequence},
        {"rotation_is_fair_to_mixed_filters", {"S-03"}, {}, rotation_is_fair_to_mixed_filters},
        {"rotation_is_fair_to_a_part_and_the_whole", {"S-03"}, {}, rotation_is_fair_to_a_part_and_the_whole},
        {"rotation_is_fair_to_any_order_of_release", {"S-03"}, {}, rotation_is_fair_to_any_order_of_release},
        {"unused_proxies_come_first", {"S-02"}, {.exact_rotation = true}, unused_proxies_come_first},
        {"rotation_goes_on_after_reopening",
         {"S-02", "D-03"},
         {.durable = true, .exact_rotation = true},
         rotation_goes_on_after_reopening},
        {"rotation_is_fair_to_threads", {"S-03"}, {}, rotation_is_fair_to_threads},
    };
}

}  // namespace pharox::testkit
