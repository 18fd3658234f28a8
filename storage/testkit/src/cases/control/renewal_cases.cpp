// Lease control: renewing, and reading a lease.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

std::optional<Lease> read(Context& context, const Lease& lease) {
    return context.control().get_lease({.lease_id = lease.id});
}

void renewal_moves_the_end(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 10s);
    context.clock().advance(4s);
    const auto result =
        context.control().renew_lease({.lease_id = leased.lease().id, .duration = 30s, .pool = "pool"});
    EXPECT_TRUE(result.renewed);
    Lease wanted = leased.lease();
    wanted.expires_at = context.clock().now() + 30s;
    EXPECT_EQ(result.lease, wanted) << "and nothing else";
    EXPECT_EQ(read(context, wanted), wanted);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void renewal_keeps_the_use_sequence(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 5; });
    const auto first = context.lease(proxies[0]);
    context.lease(proxies[1]);
    EXPECT_TRUE(context.control().renew_lease({.lease_id = first.lease().id, .duration = 1h}).renewed);
    EXPECT_EQ(context.find("pool", {}, Selector::round_robin).value().id, proxies[0].id)
        << "a renewal is no use: round_robin goes on with the proxy whose last use is the oldest";
}

void renewal_never_shortens(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 1h);
    const auto result = context.control().renew_lease({.lease_id = leased.lease().id, .duration = 1s});
    EXPECT_TRUE(result.renewed);
    EXPECT_EQ(result.lease, leased.lease());
    EXPECT_EQ(read(context, leased.lease()), leased.lease());
}

void renewed_lease_keeps_its_slot(Context& context) {
    const auto pool = context.add_pool();
    const auto kept = context.lease(context.add_proxy(pool), 10s);
    const auto lost = context.lease(context.add_proxy(pool), 10s);
    context.clock().advance(9s);
    EXPECT_TRUE(context.control().renew_lease({.lease_id = kept.lease().id, .duration = 10s}).renewed);
    context.clock().advance(1s);
    EXPECT_EQ(context.cleanup(), 1);
    EXPECT_FALSE(context.control().renew_lease({.lease_id = lost.lease().id, .duration = 10s}).renewed);
    EXPECT_EQ(context.find("pool").value().id, lost.proxy().id);
    EXPECT_EQ(context.stats().total_leases, 1);
    context.clock().advance(9s);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void ended_lease_is_not_renewed(Context& context) {
    const auto pool = context.add_pool();
    const auto released = context.lease(context.add_proxy(pool));
    const auto record = context.store().release_lease({.lease_id = released.lease().id}).lease;
    auto result = context.control().renew_lease({.lease_id = released.lease().id});
    EXPECT_FALSE(result.renewed);
    EXPECT_EQ(result.lease, record);
    const auto expired = context.lease(context.add_proxy(pool), context.short_time());
    context.expire("pool", context.short_time());
    for (int i = 0; i < 2; ++i) {
        result = context.control().renew_lease({.lease_id = expired.lease().id, .duration = 1h});
        EXPECT_FALSE(result.renewed);
        EXPECT_EQ(result.lease, as_of(expired.lease(), expired.lease().expires_at));
        EXPECT_EQ(context.stats().total_leases, 0);
        context.cleanup();
    }
}

void unknown_lease_is_not_renewed(Context& context) {
    context.add_pool();
    for (const auto& id : {LeaseId::make(), LeaseId()}) {
        const auto result = context.control().renew_lease({.lease_id = id});
        EXPECT_FALSE(result.renewed);
        EXPECT_FALSE(result.lease);
        EXPECT_EQ(context.control().get_lease({.lease_id = id}), std::nullopt);
    }
}

void renewal_at_the_last_moment(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy, 10s);
    context.clock().set(leased.lease().expires_at - 1ms);
    EXPECT_TRUE(context.control().renew_lease({.lease_id = leased.lease().id, .duration = 5s}).renewed);
    const auto end = read(context, leased.lease()).value().expires_at;
    EXPECT_EQ(end, leased.lease().expires_at - 1ms + 5s);
    context.clock().set(end);
    EXPECT_FALSE(context.control().renew_lease({.lease_id = leased.lease().id, .duration = 5s}).renewed);
}

void renewals_in_one_call(Context& context) {
    const auto pool = context.add_pool();
    const auto first = context.lease(context.add_proxy(pool), 10s);
    const auto second = context.lease(context.add_proxy(pool), 1h);
    const auto ended = context.lease(context.add_proxy(pool));
    const auto record = context.store().release_lease({.lease_id = ended.lease().id}).lease;
    const LeaseId unknown = LeaseId::make();
    context.clock().advance(4s);
    const auto results =
        context.control().renew_many({{.lease_id = unknown, .duration = 20s},
                                      {.lease_id = second.lease().id, .duration = 20s},
                                      {.lease_id = ended.lease().id, .duration = 20s},
                                      {.lease_id = first.lease().id, .duration = 20s, .pool = "pool"},
                                      {.lease_id = first.lease().id, .duration = 30s}});
    ASSERT_EQ(results.size(), 5U) << "one result for each request";
    EXPECT_FALSE(results[0].renewed) << "an unknown lease";
    EXPECT_FALSE(results[0].lease) << "an unknown lease";
    EXPECT_TRUE(results[1].renewed) << "a lease that ends later than the renewal asks";
    EXPECT_EQ(results[1].lease, second.lease()) << "a renewal never shortens";
    EXPECT_FALSE(results[2].renewed) << "a released lease";
    EXPECT_EQ(results[2].lease, record) << "a released lease";
    Lease wanted = first.lease();
    wanted.expires_at = context.clock().now() + 20s;
    EXPECT_TRUE(results[3].renewed);
    EXPECT_EQ(results[3].lease, wanted) << "now + its own duration";
    wanted.expires_at = context.clock().now() + 30s;
    EXPECT_EQ(results[4].lease, wanted) << "the same lease once more";
    EXPECT_EQ(read(context, first.lease()), wanted);
    EXPECT_TRUE(context.control().renew_many({}).empty());
}

void one_odd_renewal_refuses_the_call(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 10s);
    expect_refused<InvalidLeaseError>("duration_ms", [&] {
        context.control().renew_many({{.lease_id = leased.lease().id, .duration = 1h},
                                      {.lease_id = leased.lease().id, .duration = Duration(0)}});
    });
    EXPECT_EQ(read(context, leased.lease()), leased.lease()) << "no request of the call is executed";
}

void invalid_renewals_are_refused(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 1h);
    for (const Duration wrong :
         {Duration(0), Duration(-1), Duration(max_lease_duration) + 1ms, Duration::max()}) {
        expect_refused<InvalidLeaseError>("duration_ms", [&] {
            context.control().renew_lease({.lease_id = leased.lease().id, .duration = wrong});
        });
    }
    EXPECT_EQ(read(context, leased.lease()), leased.lease());
}

void lease_reads_as_it_is(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 3; });
    const auto active = context.lease(proxy);
    EXPECT_EQ(read(context, active.lease()), active.lease());
    EXPECT_EQ(context.control().get_lease({.lease_id = active.lease().id, .pool = "pool"}), active.lease());
    const auto released = context.store().release_lease({.lease_id = active.lease().id}).lease;
    EXPECT_EQ(read(context, active.lease()), released);
    const auto expiring = context.lease(proxy, context.short_time());
    context.expire("pool", context.short_time());
    const auto record = as_of(expiring.lease(), expiring.lease().expires_at);
    EXPECT_EQ(read(context, expiring.lease()), record) << "before it is collected";
    context.cleanup();
    EXPECT_EQ(read(context, expiring.lease()), record) << "and after";
}

}  // namespace

std::vector<Case> renewal_cases() {
    return {
        {"renewal_moves_the_end",
         {"M-01"},
         {.lease_control = true, .test_clock = true},
         renewal_moves_the_end},
        {"renewal_keeps_the_use_sequence",
         {"M-01", "S-09"},
         {.lease_control = true, .exact_rotation = true},
         renewal_keeps_the_use_sequence},
        {"renewal_never_shortens", {"M-01"}, {.lease_control = true}, renewal_never_shortens},
        {"renewed_lease_keeps_its_slot",
         {"M-03", "M-02"},
         {.lease_control = true, .test_clock = true},
         renewed_lease_keeps_its_slot},
        {"ended_lease_is_not_renewed", {"M-02"}, {.lease_control = true}, ended_lease_is_not_renewed},
        {"unknown_lease_is_not_renewed",
         {"M-02", "M-04"},
         {.lease_control = true},
         unknown_lease_is_not_renewed},
        {"renewal_at_the_last_moment",
         {"M-01", "M-02", "E-01"},
         {.lease_control = true, .test_clock = true},
         renewal_at_the_last_moment},
        {"renewals_in_one_call", {"M-10"}, {.lease_control = true, .test_clock = true}, renewals_in_one_call},
        {"one_odd_renewal_refuses_the_call",
         {"M-10"},
         {.lease_control = true},
         one_odd_renewal_refuses_the_call},
        {"invalid_renewals_are_refused", {"V-01"}, {.lease_control = true}, invalid_renewals_are_refused},
        {"lease_reads_as_it_is", {"M-04", "E-04"}, {.lease_control = true}, lease_reads_as_it_is},
    };
}

}  // namespace pharox::testkit
