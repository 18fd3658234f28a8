// Statistics of a pool.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void unknown_pool_has_no_statistics(Context& context) {
    context.add_pool();
    EXPECT_EQ(context.store().get_pool_stats({.pool = "elsewhere"}), std::nullopt);
    EXPECT_TRUE(context.store().get_pool_stats({.pool = "pool"}));
}

void statistics_of_an_empty_pool(Context& context) {
    context.add_pool();
    const auto stats = context.stats();
    EXPECT_EQ(stats, (PoolStatsSnapshot{.pool_name = "pool", .collected_at = stats.collected_at}));
}

void statistics_count_proxies_and_leases(Context& context) {
    const auto pool = context.add_pool();
    const auto leased = context.add_proxy(pool);
    context.add_proxy(pool);
    context.add_proxy(pool, [](Proxy& it) { it.status = ProxyStatus::inactive; });
    context.add_proxy(context.add_pool("other"));
    const auto lease = context.lease(leased);
    auto stats = context.stats();
    EXPECT_EQ(stats.pool_name, "pool");
    EXPECT_EQ(stats.total_proxies, 3);
    EXPECT_EQ(stats.active_proxies, 2);
    EXPECT_EQ(stats.available_proxies, 1);
    EXPECT_EQ(stats.leased_proxies, 1);
    EXPECT_EQ(stats.total_leases, 1);
    EXPECT_TRUE(context.release(lease.lease()));
    stats = context.stats();
    EXPECT_EQ(stats.available_proxies, 2);
    EXPECT_EQ(stats.leased_proxies, 0);
    EXPECT_EQ(stats.total_leases, 0);
}

void statistics_count_shared_proxies_once(Context& context) {
    const auto pool = context.add_pool();
    const auto roomy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 3; });
    const auto unlimited = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (int i = 0; i < 3; ++i) {
        context.lease(roomy);
        context.lease(unlimited);
    }
    const auto stats = context.stats();
    EXPECT_EQ(stats.leased_proxies, 2);
    EXPECT_EQ(stats.total_leases, 6);
    EXPECT_EQ(stats.available_proxies, 1);
}

void statistics_are_of_now(Context& context) {
    context.add_pool();
    context.clock().advance(std::chrono::seconds(77));
    EXPECT_EQ(context.stats().collected_at, context.clock().now());
}

void wrong_pool_names_are_refused(Context& context) {
    context.add_pool();
    for (const auto& wrong :
         {std::string(), std::string(129, 'x'), std::string("a\0b", 3), std::string("\xff")}) {
        SCOPED_TRACE(testing::PrintToString(wrong));
        expect_refused<ValidationError>("pool", [&] { context.find(wrong); });
        expect_refused<ValidationError>("pool", [&] { context.acquire({.pool = wrong}); });
        expect_refused<ValidationError>("pool", [&] { context.store().get_pool_stats({.pool = wrong}); });
    }
}

}  // namespace

std::vector<Case> stats_cases() {
    return {
        {"unknown_pool_has_no_statistics", {"G-01"}, {}, unknown_pool_has_no_statistics},
        {"statistics_of_an_empty_pool", {"G-02"}, {}, statistics_of_an_empty_pool},
        {"statistics_count_proxies_and_leases", {"G-02"}, {}, statistics_count_proxies_and_leases},
        {"statistics_count_shared_proxies_once", {"G-02"}, {}, statistics_count_shared_proxies_once},
        {"wrong_pool_names_are_refused", {"V-02"}, {}, wrong_pool_names_are_refused},
        {"statistics_are_of_now", {"G-02"}, {.test_clock = true}, statistics_are_of_now},
    };
}

}  // namespace pharox::testkit
