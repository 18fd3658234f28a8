// In which order proxies are picked: by their attributes, and by chance.
#include <algorithm>
#include <map>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// The ids that acquire leases until the pool is exhausted, in order.
std::vector<ProxyId> order(Context& context, Selector selector, const ProxyFilters& filters = {}) {
    std::vector<ProxyId> ids;
    while (const auto acquired =
               context.acquire({.pool = "pool", .filters = filters, .selector = selector})) {
        ids.push_back(acquired.proxy().id);
    }
    return ids;
}

/// What the selector finds, then what it finds without that, and so on.
std::vector<ProxyId> found_order(Context& context, Selector selector) {
    ProxyFilters filters;
    while (const auto found = context.find("pool", filters, selector)) {
        filters.exclude.push_back(found->id);
    }
    return filters.exclude;
}

void first_available_is_the_latest_checked(Context& context) {
    const auto pool = context.add_pool();
    const auto checked = [&](std::chrono::microseconds later) {
        return context.add_proxy(pool, [&](Proxy& it) { it.checked_at += later; }).id;
    };
    const auto second = checked(1us);
    const auto fourth = checked(-1h);
    const auto first = checked(2us);
    const auto third = checked(0us);
    const std::vector<ProxyId> wanted{first, second, third, fourth};
    EXPECT_EQ(found_order(context, Selector::first_available), wanted);
    EXPECT_EQ(context.store().find_available_proxy({.pool = "pool"}).proxy.value().id, first)
        << "the default";
    EXPECT_EQ(context.acquire({.pool = "pool"}).proxy().id, first) << "the default";
    EXPECT_EQ(order(context, Selector::first_available), (std::vector<ProxyId>{second, third, fourth}));
}

void lowest_latency_first(Context& context) {
    const auto pool = context.add_pool();
    const auto measured = [&](std::optional<double> latency) {
        return context.add_proxy(pool, [&](Proxy& it) { it.latency_ms = latency; }).id;
    };
    const auto unmeasured = measured(std::nullopt);
    const auto slow = measured(5'000);
    const auto fastish = measured(10.5);
    const auto instant = measured(0);
    const auto fast = measured(10.25);
    const auto also_unmeasured = measured(std::nullopt);
    const std::vector<ProxyId> wanted{instant, fast, fastish, slow, unmeasured, also_unmeasured};
    EXPECT_EQ(found_order(context, Selector::lowest_latency), wanted);
    EXPECT_EQ(order(context, Selector::lowest_latency), wanted);
}

void least_used_first(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3, [](Proxy& it) { it.max_concurrency = 5; });
    context.lease(proxies[0]);
    const auto busiest = context.lease(proxies[0]);
    context.lease(proxies[1]);
    EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, proxies[2].id);
    context.lease(proxies[2]);
    // One each on the second and the third: the second was used before the third.
    EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, proxies[1].id);
    context.lease(proxies[1]);
    context.lease(proxies[2]);
    // Two each: the first one's last use is the oldest.
    EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, proxies[0].id);
    EXPECT_TRUE(context.release(busiest.lease()));
    EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, proxies[0].id);
    // Leases are counted, not their share of the limit.
    const auto large = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 100; });
    context.lease(large);
    context.lease(large);
    EXPECT_EQ(context.find("pool", {}, Selector::least_used).value().id, proxies[0].id)
        << "1 lease of 5 is fewer than 2 of 100";
}

void least_used_spreads_leases(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 4, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::map<ProxyId, int> used;
    for (int i = 0; i < 20; ++i) {
        const auto acquired = context.acquire({.pool = "pool", .selector = Selector::least_used});
        ASSERT_TRUE(acquired);
        ++used[acquired.proxy().id];
    }
    for (const auto& [id, count] : used) {
        EXPECT_EQ(count, 5) << id;
    }
    EXPECT_EQ(used.size(), 4U);
}

void ties_go_by_id(Context& context) {
    const auto pool = context.add_pool();
    std::vector<ProxyId> ids;
    // Ids are ordered by bytes, not as signed numbers, nor by the time of their creation.
    for (const auto& [first, last] :
         {std::pair{0x80, 1}, {0x01, 2}, {0xff, 0}, {0x7f, 9}, {0x80, 0}, {0x01, 0xf0}}) {
        const auto id = proxy_id(first, last);
        context.add_proxy(pool, [&](Proxy& it) { it.id = id; });
        ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids.front(), proxy_id(0x01, 2));
    EXPECT_EQ(ids.back(), proxy_id(0xff, 0));
    for (const auto selector : {Selector::first_available, Selector::lowest_latency}) {
        EXPECT_EQ(found_order(context, selector), ids) << selector;
    }
    if (context.properties().rotation == Rotation::exact) {
        EXPECT_EQ(found_order(context, Selector::least_used), ids);
        EXPECT_EQ(order(context, Selector::round_robin), ids);
    }
}

void random_gives_equal_shares(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 4, [](Proxy& it) { it.weight = 0.001; });
    const auto busy = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    context.lease(busy);
    std::map<ProxyId, int> drawn;
    for (int i = 0; i < 1'000; ++i) {
        const auto found = context.find("pool", {}, Selector::random);
        ASSERT_TRUE(found);
        ++drawn[found->id];
    }
    EXPECT_EQ(drawn.size(), 4U);
    for (const auto& [id, count] : drawn) {
        EXPECT_GT(count, 150) << id;
        EXPECT_LT(count, 350) << id;
    }
}

void weights_give_shares(Context& context) {
    const auto pool = context.add_pool();
    const auto weighing = [&](double weight) {
        return context.add_proxy(pool, [&](Proxy& it) { it.weight = weight; }).id;
    };
    const auto one = weighing(1);
    const auto zero = weighing(0);
    const auto three = weighing(3);
    const auto half = weighing(0.5);
    std::map<ProxyId, int> drawn;
    for (int i = 0; i < 900; ++i) {
        const auto found = context.find("pool", {}, Selector::weighted_random);
        ASSERT_TRUE(found);
        ++drawn[found->id];
    }
    EXPECT_NEAR(drawn[one], 200, 90);
    EXPECT_NEAR(drawn[three], 600, 110);
    EXPECT_NEAR(drawn[half], 100, 65);
    EXPECT_EQ(drawn[zero], 0);
}

void weight_zero_is_never_picked(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 2, [](Proxy& it) { it.weight = 0; });
    EXPECT_FALSE(context.find("pool", {}, Selector::weighted_random));
    EXPECT_FALSE(context.acquire({.pool = "pool", .selector = Selector::weighted_random}));
    EXPECT_TRUE(context.find("pool", {}, Selector::random)) << "weights bind weighted_random alone";
}

void weights_may_be_extreme(Context& context) {
    for (const auto& [name, weight] : {std::pair{"huge", 1.7e308}, {"tiny", 1e-320}}) {
        const auto pool = context.add_pool(name);
        context.add_proxies(pool, 3, [w = weight](Proxy& it) { it.weight = w; });
        std::map<ProxyId, int> drawn;
        for (int i = 0; i < 120; ++i) {
            const auto found = context.find(name, {}, Selector::weighted_random);
            ASSERT_TRUE(found) << name;
            ++drawn[found->id];
        }
        EXPECT_EQ(drawn.size(), 3U) << name;
    }
    const auto pool = context.add_pool();
    const auto heavy = context.add_proxy(pool, [](Proxy& it) { it.weight = 1e9; });
    context.add_proxy(pool, [](Proxy& it) { it.weight = 1e3; });
    for (int i = 0; i < 60; ++i) {
        const auto found = context.find("pool", {}, Selector::weighted_random);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->id, heavy.id)
            << "of the weights 1e9 and 1e3 the smaller one is drawn once in a million";
    }
}

void selectors_choose_among_what_fits(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](const char* country, double latency) {
        return context.add_proxy(pool, [&](Proxy& it) {
            it.country = country;
            it.latency_ms = latency;
            it.checked_at += std::chrono::microseconds(static_cast<int>(1'000 - latency));
        });
    };
    with("AR", 1);
    const auto wanted = with("BR", 500);
    with("AR", 2);
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        EXPECT_EQ(context.find("pool", {.country = "BR"}, selector).value().id, wanted.id) << selector;
        const auto acquired =
            context.acquire({.pool = "pool", .filters = {.country = "BR"}, .selector = selector});
        ASSERT_TRUE(acquired) << selector;
        EXPECT_EQ(acquired.proxy().id, wanted.id) << selector;
        EXPECT_TRUE(context.release(acquired.lease()));
    }
}

}  // namespace

std::vector<Case> selector_cases() {
    return {
        {"first_available_is_the_latest_checked",
         {"S-01", "A-01"},
         {},
         first_available_is_the_latest_checked},
        {"lowest_latency_first", {"S-05", "S-08", "A-01"}, {}, lowest_latency_first},
        {"least_used_first", {"S-04", "S-09"}, {.exact_rotation = true}, least_used_first},
        {"least_used_spreads_leases", {"S-04", "A-01"}, {}, least_used_spreads_leases},
        {"ties_go_by_id", {"S-08"}, {}, ties_go_by_id},
        {"random_gives_equal_shares", {"S-06"}, {}, random_gives_equal_shares},
        {"weights_give_shares", {"S-07"}, {}, weights_give_shares},
        {"weight_zero_is_never_picked", {"S-07"}, {}, weight_zero_is_never_picked},
        {"weights_may_be_extreme", {"S-07"}, {}, weights_may_be_extreme},
        {"selectors_choose_among_what_fits", {"A-01"}, {}, selectors_choose_among_what_fits},
    };
}

}  // namespace pharox::testkit
