// How long renewals may keep a lease.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void lease_says_its_tenure(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 9; });
    const auto created = context.store().create_lease(
        {.proxy_id = proxy.id, .consumer = "worker", .duration = 10s, .max_tenure = 25'001ms});
    EXPECT_EQ(created.lease().tenure_ends_at, created.lease().acquired_at + 25'001ms);
    EXPECT_EQ(created.lease().expires_at, created.lease().acquired_at + 10s);
    const auto acquired = context.acquire({.pool = "pool", .duration = 10s, .max_tenure = 10s});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.lease().tenure_ends_at, acquired.lease().expires_at);
    EXPECT_EQ(context.lease(proxy).lease().tenure_ends_at, std::nullopt);
    EXPECT_EQ(context.acquire({.pool = "pool"}).lease().tenure_ends_at, std::nullopt);
    EXPECT_EQ(context.store().release_lease({.lease_id = created.lease().id}).lease.value().tenure_ends_at,
              created.lease().tenure_ends_at)
        << "and it is stored";
}

void renewals_end_with_the_tenure(Context& context) {
    context.add_proxy(context.add_pool());
    const auto lease = context.acquire({.pool = "pool", .duration = 10s, .max_tenure = 25s}).lease();
    const auto renew = [&](Duration duration) {
        return context.control().renew_lease({.lease_id = lease.id, .duration = duration});
    };
    context.clock().advance(5s);
    EXPECT_EQ(renew(10s).lease.value().expires_at, lease.acquired_at + 15s) << "far from tenure_ends_at";
    const auto last = renew(1h);
    EXPECT_TRUE(last.renewed);
    EXPECT_EQ(last.lease.value().expires_at, lease.tenure_ends_at) << "clamped";
    EXPECT_EQ(last.lease.value().tenure_ends_at, lease.tenure_ends_at) << "no renewal moves it";
    EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}), last.lease);
    const auto refused = renew(1h);
    EXPECT_FALSE(refused.renewed) << "used up";
    EXPECT_EQ(refused.lease, last.lease);
    context.clock().set(*lease.tenure_ends_at - 1ms);
    EXPECT_EQ(context.stats().total_leases, 1);
    context.clock().set(*lease.tenure_ends_at);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void tenure_that_begins_used_up(Context& context) {
    context.add_proxy(context.add_pool());
    const auto lease = context.acquire({.pool = "pool", .duration = 1h, .max_tenure = 1h}).lease();
    const auto result = context.control().renew_lease({.lease_id = lease.id, .duration = 2h});
    EXPECT_FALSE(result.renewed);
    EXPECT_EQ(result.lease, lease);
}

void invalid_tenures_are_refused(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const Duration ten_years = std::chrono::days(3'650);
    for (const auto& [duration, tenure] : {std::pair<Duration, Duration>{10s, 9'999ms},
                                           {10s, 0ms},
                                           {10s, -10s},
                                           {10s, ten_years + 1ms},
                                           {10s, Duration::max()}}) {
        expect_refused<InvalidLeaseError>("max_tenure_ms", [&, d = duration, t = tenure] {
            context.acquire({.pool = "pool", .duration = d, .max_tenure = t});
        });
        expect_refused<InvalidLeaseError>("max_tenure_ms", [&, d = duration, t = tenure] {
            context.store().create_lease(
                {.proxy_id = proxy.id, .consumer = "worker", .duration = d, .max_tenure = t});
        });
    }
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_TRUE(context.acquire({.pool = "pool", .duration = 1ms, .max_tenure = ten_years}));
}

}  // namespace

std::vector<Case> tenure_cases() {
    return {
        {"lease_says_its_tenure", {"L-14"}, {}, lease_says_its_tenure},
        {"renewals_end_with_the_tenure",
         {"M-05"},
         {.lease_control = true, .test_clock = true},
         renewals_end_with_the_tenure},
        {"tenure_that_begins_used_up", {"M-05"}, {.lease_control = true}, tenure_that_begins_used_up},
        {"invalid_tenures_are_refused", {"V-05", "V-03"}, {}, invalid_tenures_are_refused},
    };
}

}  // namespace pharox::testkit
