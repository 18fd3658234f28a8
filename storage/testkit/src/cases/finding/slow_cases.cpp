// Slow proxies: only where the caller allows them, and where no active one is available.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

Proxy add_slow(Context& context, const ProxyPool& pool, const Edit& edit = {}) {
    return context.add_proxy(pool, [&](Proxy& it) {
        it.status = ProxyStatus::slow;
        if (edit) {
            edit(it);
        }
    });
}

std::optional<Proxy> find_slow(Context& context, const ProxyFilters& filters = {},
                               Selector selector = Selector::first_available) {
    return context.store()
        .find_available_proxy({.pool = "pool", .filters = filters, .selector = selector, .allow_slow = true})
        .proxy;
}

void slow_one_is_found_if_allowed(Context& context) {
    const auto pool = context.add_pool();
    const auto slow = add_slow(context, pool);
    for (const auto status : {ProxyStatus::inactive, ProxyStatus::banned}) {
        context.add_proxy(pool, [&](Proxy& it) { it.status = status; });
    }
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        EXPECT_FALSE(context.find("pool", {}, selector)) << selector;
        EXPECT_EQ(find_slow(context, {}, selector), slow) << selector;
    }
    EXPECT_FALSE(find_slow(context, {.country = "AR"}));
    EXPECT_FALSE(find_slow(context, {.exclude = {slow.id}}));
}

void active_one_goes_before_slow_ones(Context& context) {
    const auto pool = context.add_pool();
    // Better by every selector's order.
    const auto slow = add_slow(context, pool, [](Proxy& it) {
        it.latency_ms = 1;
        it.checked_at += std::chrono::hours(1);
        it.weight = 1e300;
    });
    const auto active = context.add_proxy(pool, [](Proxy& it) {
        it.latency_ms = 900;
        it.country = "AR";
    });
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        EXPECT_EQ(find_slow(context, {}, selector).value().id, active.id) << selector;
    }
    EXPECT_EQ(find_slow(context, {.exclude = {active.id}}), slow) << "the active one does not fit";
    ProxyFilters refuses;
    refuses.predicate = [](const Proxy& it) { return !it.country; };
    EXPECT_EQ(find_slow(context, refuses), slow);
    context.lease(active);
    EXPECT_EQ(find_slow(context), slow) << "the active one is full";
}

void slow_ones_go_in_the_selectors_order(Context& context) {
    const auto pool = context.add_pool();
    const auto worse = add_slow(context, pool, [](Proxy& it) {
        it.latency_ms = 900;
        it.max_concurrency = 9;
    });
    const auto better = add_slow(context, pool, [](Proxy& it) {
        it.latency_ms = 100;
        it.checked_at += std::chrono::hours(1);
        it.max_concurrency = 9;
    });
    context.store().create_lease({.proxy_id = worse.id, .consumer = "worker", .allow_slow = true});
    for (const auto selector :
         {Selector::first_available, Selector::lowest_latency, Selector::round_robin, Selector::least_used}) {
        if (selector == Selector::round_robin && context.properties().rotation == Rotation::fair) {
            return;
        }
        const auto acquired = context.acquire({.pool = "pool", .selector = selector, .allow_slow = true});
        ASSERT_TRUE(acquired);
        EXPECT_EQ(acquired.proxy().id, better.id) << selector << " between two slow proxies";
        EXPECT_TRUE(context.release(acquired.lease()));
        // The use sequence of the other is older from here on: it must be used again.
        const auto used =
            context.store().create_lease({.proxy_id = worse.id, .consumer = "worker", .allow_slow = true});
        EXPECT_TRUE(context.release(used.lease()));
        EXPECT_EQ(find_slow(context, {}, selector).value().id, better.id) << selector;
    }
}

void slow_one_is_leased_if_allowed(Context& context) {
    const auto pool = context.add_pool();
    const auto slow = add_slow(context, pool, [](Proxy& it) { it.max_concurrency = 2; });
    EXPECT_TRUE(thrown<ProxyUnavailableError>([&] { context.lease(slow); }));
    const auto leased =
        context.store().create_lease({.proxy_id = slow.id, .consumer = "worker", .allow_slow = true});
    EXPECT_EQ(leased.proxy().id, slow.id);
    EXPECT_EQ(leased.proxy().current_leases, 1);
    const auto banned = context.add_proxy(pool, [](Proxy& it) { it.status = ProxyStatus::banned; });
    EXPECT_TRUE(thrown<ProxyUnavailableError>([&] {
        context.store().create_lease({.proxy_id = banned.id, .consumer = "worker", .allow_slow = true});
    }));
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.stats().available_proxies, 0) << "slow ones are not what a plain find could return";
}

void acquire_takes_slow_ones_if_allowed(Context& context) {
    const auto pool = context.add_pool();
    const auto slow = add_slow(context, pool);
    const auto active = context.add_proxy(pool);
    const AcquireRequest allowed{.pool = "pool", .allow_slow = true};
    const auto first = context.acquire(allowed);
    ASSERT_TRUE(first);
    EXPECT_EQ(first.proxy().id, active.id);
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    const auto second = context.acquire(allowed);
    ASSERT_TRUE(second);
    EXPECT_EQ(second.proxy().id, slow.id);
    EXPECT_FALSE(context.acquire(allowed));
    EXPECT_EQ(context.stats().total_leases, 2);
    EXPECT_TRUE(context.release(first.lease()));
    EXPECT_EQ(context.acquire(allowed).proxy().id, active.id);
}

void misses_know_of_slow_ones(Context& context) {
    const auto pool = context.add_pool();
    const auto slow = add_slow(context, pool);
    const auto miss = [&](bool allow_slow, Miss truth) {
        context.expect_miss({.pool = "pool", .allow_slow = allow_slow}, truth);
    };
    miss(false, Miss::nothing_matches);
    context.store().create_lease({.proxy_id = slow.id, .consumer = "worker", .allow_slow = true});
    miss(false, Miss::nothing_matches);
    miss(true, Miss::all_busy);
}

}  // namespace

std::vector<Case> slow_cases() {
    return {
        {"slow_one_is_found_if_allowed", {"F-08"}, {}, slow_one_is_found_if_allowed},
        {"active_one_goes_before_slow_ones", {"F-08"}, {}, active_one_goes_before_slow_ones},
        {"slow_ones_go_in_the_selectors_order", {"F-08", "S-05"}, {}, slow_ones_go_in_the_selectors_order},
        {"slow_one_is_leased_if_allowed", {"L-13", "G-02"}, {}, slow_one_is_leased_if_allowed},
        {"acquire_takes_slow_ones_if_allowed", {"A-09"}, {}, acquire_takes_slow_ones_if_allowed},
        {"misses_know_of_slow_ones", {"A-09", "A-05"}, {}, misses_know_of_slow_ones},
    };
}

}  // namespace pharox::testkit
