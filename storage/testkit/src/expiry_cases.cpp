// The end that comes by itself.
#include "case.hpp"
#include "context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void lease_ends_exactly_then(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy, 10s);
    context.clock().set(leased.lease().expires_at - 1ms);
    EXPECT_EQ(context.cleanup(), 0);
    EXPECT_FALSE(context.find("pool"));
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_TRUE(thrown<ProxyUnavailableError>([&] { context.lease(proxy); }));
    context.clock().set(leased.lease().expires_at);
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_TRUE(context.find("pool"));
    EXPECT_FALSE(context.release(leased.lease()));
}

void release_is_possible_until_then(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 10s);
    context.clock().set(leased.lease().expires_at - 1ms);
    EXPECT_TRUE(context.release(leased.lease()));
}

void cleanup_at_the_boundary(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 10s);
    context.clock().set(leased.lease().expires_at);
    EXPECT_EQ(context.cleanup(), 1) << "expires_at <= now is over";
    EXPECT_EQ(context.cleanup(), 0);
}

void shortest_and_longest_lease(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    context.lease(proxies[0], 1ms);
    context.lease(proxies[1], max_lease_duration);
    context.clock().advance(1ms);
    EXPECT_EQ(context.stats().total_leases, 1);
    context.clock().advance(max_lease_duration - 2ms);
    EXPECT_EQ(context.stats().total_leases, 1);
    context.clock().advance(1ms);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void statistics_know_before_anybody_collects(Context& context) {
    const auto pool = context.add_pool();
    const auto limited = context.add_proxy(pool);
    const auto roomy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 3; });
    context.lease(limited, context.short_time());
    context.lease(roomy, context.short_time());
    context.lease(roomy, 1h);
    context.expire("pool", context.short_time(), 1);
    const auto stats = context.stats();
    EXPECT_EQ(stats.available_proxies, 2);
    EXPECT_EQ(stats.leased_proxies, 1);
    EXPECT_EQ(stats.total_leases, 1);
    EXPECT_EQ(context.find("pool", {.exclude = {limited.id}}).value().current_leases, 1);
    EXPECT_EQ(context.find("pool", {.exclude = {roomy.id}}).value().current_leases, 0);
}

void cleanup_first_then_everything_is_free(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    context.lease(proxy, context.short_time());
    context.pass(context.short_time(), [&] { return context.cleanup() == 1; });
    EXPECT_EQ(context.find("pool"), proxy);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void store_time_never_runs_backwards(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3);
    const auto start = context.clock().now();
    const auto first = context.lease(proxies[0], 10s);
    context.clock().set(start + 10s);
    EXPECT_EQ(context.stats().total_leases, 0);
    context.clock().set(start - 1h);
    EXPECT_EQ(context.stats().total_leases, 0) << "what has ended stays ended";
    EXPECT_FALSE(context.release(first.lease()));
    EXPECT_EQ(context.lease(proxies[0]).proxy().current_leases, 1);
    const auto later = context.lease(proxies[1]);
    EXPECT_GE(later.lease().acquired_at, first.lease().acquired_at);
    const auto released = context.store().release_lease({.lease_id = later.lease().id});
    ASSERT_TRUE(released.lease);
    EXPECT_GE(released.lease->released_at.value(), later.lease().acquired_at);
}

}  // namespace

std::vector<Case> expiry_cases() {
    return {
        {"lease_ends_exactly_then", {"E-01", "E-04"}, {.injected_clock = true}, lease_ends_exactly_then},
        {"release_is_possible_until_then",
         {"E-01", "R-01"},
         {.injected_clock = true},
         release_is_possible_until_then},
        {"cleanup_at_the_boundary", {"E-01", "E-02"}, {.injected_clock = true}, cleanup_at_the_boundary},
        {"shortest_and_longest_lease",
         {"E-01", "V-01"},
         {.injected_clock = true},
         shortest_and_longest_lease},
        {"statistics_know_before_anybody_collects", {"E-04"}, {}, statistics_know_before_anybody_collects},
        {"cleanup_first_then_everything_is_free", {"E-02"}, {}, cleanup_first_then_everything_is_free},
        {"store_time_never_runs_backwards",
         {"E-06"},
         {.injected_clock = true},
         store_time_never_runs_backwards},
    };
}

}  // namespace pharox::testkit
