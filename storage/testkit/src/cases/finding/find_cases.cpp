// Which proxies find returns.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void unknown_pool_finds_nothing(Context& context) {
    context.add_proxy(context.add_pool());
    EXPECT_FALSE(context.find("elsewhere"));
    EXPECT_FALSE(context.find("elsewhere", {.country = "AR"}, Selector::round_robin));
    EXPECT_FALSE(context.find("POOL")) << "names compare by bytes";
    EXPECT_FALSE(context.find("pool "));
}

void empty_pool_finds_nothing(Context& context) {
    context.add_pool();
    EXPECT_FALSE(context.find("pool"));
}

void finds_an_active_proxy(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    EXPECT_EQ(context.find("pool"), proxy);
}

void pools_are_apart(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    const auto in_left = context.add_proxy(left);
    const auto in_right = context.add_proxy(right);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(context.find("left", {}, Selector::round_robin).value().id, in_left.id);
        EXPECT_EQ(context.find("right", {}, Selector::round_robin).value().id, in_right.id);
    }
    context.lease(in_left);
    EXPECT_FALSE(context.find("left"));
    EXPECT_TRUE(context.find("right"));
}

void only_active_ones_are_found(Context& context) {
    const auto pool = context.add_pool();
    for (const auto status : {ProxyStatus::inactive, ProxyStatus::slow, ProxyStatus::banned}) {
        context.add_proxy(pool, [&](Proxy& proxy) { proxy.status = status; });
    }
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        EXPECT_FALSE(context.find("pool", {}, selector)) << selector;
        EXPECT_FALSE(context.acquire({.pool = "pool", .selector = selector})) << selector;
    }
    const auto active = context.add_proxy(pool);
    EXPECT_EQ(context.find("pool").value().id, active.id);
}

void full_proxy_is_not_found(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 2; });
    context.lease(proxy);
    ASSERT_TRUE(context.find("pool"));
    EXPECT_EQ(context.find("pool")->current_leases, 1);
    const auto second = context.lease(proxy);
    EXPECT_FALSE(context.find("pool"));
    EXPECT_TRUE(context.release(second.lease()));
    EXPECT_TRUE(context.find("pool"));
}

void unlimited_proxy_is_always_available(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(context.lease(proxy).proxy().current_leases, i + 1);
    }
    EXPECT_EQ(context.find("pool").value().current_leases, 50);
}

void busy_proxies_are_passed_over(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3);
    context.lease(proxies[0]);
    context.lease(proxies[1]);
    for (const auto selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        const auto found = context.find("pool", {}, selector);
        ASSERT_TRUE(found) << selector;
        EXPECT_EQ(found->id, proxies[2].id) << selector;
    }
}

void find_reserves_nothing(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    for (int i = 0; i < 5; ++i) {
        const auto found = context.find("pool", {}, Selector::round_robin);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->current_leases, 0);
    }
    const auto stats = context.stats();
    EXPECT_EQ(stats.available_proxies, 1);
    EXPECT_EQ(stats.total_leases, 0);
    context.lease(proxy);
}

void what_is_returned_is_a_copy(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.tags = {"mobile"}; });
    auto found = context.store().find_available_proxy({.pool = "pool"});
    ASSERT_TRUE(found.proxy);
    found.proxy->status = ProxyStatus::banned;
    found.proxy->current_leases = 1;
    found.proxy->tags.clear();
    found.proxy->metadata = Json::object({{"mine", true}});
    EXPECT_EQ(context.find("pool"), proxy);
    const auto leased = context.lease(proxy);
    const Proxy before = leased.proxy();  // NOLINT(performance-unnecessary-copy-initialization)
    const Lease lease = leased.lease();   // NOLINT(performance-unnecessary-copy-initialization)
    ASSERT_TRUE(context.release(lease));
    EXPECT_EQ(leased.proxy(), before) << "what was returned earlier never changes";
    EXPECT_EQ(leased.lease(), lease);
}

}  // namespace

std::vector<Case> find_cases() {
    return {
        {"unknown_pool_finds_nothing", {"F-01"}, {}, unknown_pool_finds_nothing},
        {"empty_pool_finds_nothing", {"F-02"}, {}, empty_pool_finds_nothing},
        {"finds_an_active_proxy", {"F-02", "J-01"}, {}, finds_an_active_proxy},
        {"pools_are_apart", {"F-02"}, {}, pools_are_apart},
        {"only_active_ones_are_found", {"F-03"}, {}, only_active_ones_are_found},
        {"full_proxy_is_not_found", {"F-04", "L-03"}, {}, full_proxy_is_not_found},
        {"unlimited_proxy_is_always_available", {"F-04", "L-08"}, {}, unlimited_proxy_is_always_available},
        {"busy_proxies_are_passed_over", {"F-04", "F-06"}, {}, busy_proxies_are_passed_over},
        {"find_reserves_nothing", {"F-05"}, {}, find_reserves_nothing},
        {"what_is_returned_is_a_copy", {"F-07"}, {}, what_is_returned_is_a_copy},
    };
}

}  // namespace pharox::testkit
