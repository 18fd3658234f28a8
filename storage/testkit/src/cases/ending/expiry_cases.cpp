// Expiry.
#include "runner/case.hpp"
#include "runner/context.hpp"

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
    EXPECT_EQ(context.cleanup(), 1) << "a lease with expires_at <= now has expired";
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

void statistics_leave_out_expired_leases(Context& context) {
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

/// A proxy of "pool" whose only lease has just expired and has not been collected.
Lease expired_unseen(Context& context) {
    const auto pool = context.has_catalog() ? context.catalog().get_pool("pool") : std::nullopt;
    const auto proxy = context.add_proxy(pool ? *pool : context.add_pool());
    auto lease = context.lease(proxy, 10s).lease();
    context.clock().advance(10s);
    return lease;
}

void expiry_shows_in_find(Context& context) {
    expired_unseen(context);
    EXPECT_TRUE(context.find("pool"));
}

void expiry_shows_in_acquire(Context& context) {
    expired_unseen(context);
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
}

void expiry_shows_in_create_lease(Context& context) {
    const auto lease = expired_unseen(context);
    EXPECT_NO_THROW(context.store().create_lease({.proxy_id = lease.proxy_id, .consumer = "worker"}));
}

void expiry_shows_in_release(Context& context) {
    const auto lease = expired_unseen(context);
    const auto result = context.store().release_lease({.lease_id = lease.id});
    EXPECT_FALSE(result.released);
    EXPECT_EQ(result.lease, as_of(lease, lease.expires_at));
}

void expiry_shows_in_lease_control(Context& context) {
    auto& control = context.control();
    auto lease = expired_unseen(context);
    EXPECT_EQ(control.get_lease({.lease_id = lease.id}), as_of(lease, lease.expires_at));
    lease = expired_unseen(context);
    EXPECT_FALSE(control.renew_lease({.lease_id = lease.id}).renewed);
    lease = expired_unseen(context);
    EXPECT_FALSE(control.revoke_lease({.lease_id = lease.id}).released);
    expired_unseen(context);
    EXPECT_TRUE(control.list_leases({.status = LeaseStatus::active}).items.empty());
}

void expiry_shows_in_the_catalog(Context& context) {
    auto& catalog = context.catalog();
    auto lease = expired_unseen(context);
    auto proxy = catalog.get_proxy(lease.proxy_id).value();
    EXPECT_EQ(proxy.current_leases, 0);
    lease = expired_unseen(context);
    for (const auto& listed : catalog.list_proxies({.pool = "pool"}).items) {
        EXPECT_EQ(listed.current_leases, 0);
    }
    context.lease(proxy, 10s);
    context.clock().advance(10s);
    EXPECT_EQ(catalog.update_proxy(proxy).current_leases, 0);
    lease = expired_unseen(context);
    EXPECT_TRUE(catalog.remove_proxy(lease.proxy_id, false).removed);
    expired_unseen(context);
    EXPECT_TRUE(catalog.remove_consumer("worker", false).removed);
    context.add_consumer("worker");
    expired_unseen(context);
    EXPECT_TRUE(catalog.remove_pool("pool", false).removed);
}

void expiry_shows_in_health_checks(Context& context) {
    const auto lease = expired_unseen(context);
    const HealthCheckResult check{
        .proxy_id = lease.proxy_id, .status = ProxyStatus::active, .checked_at = context.clock().now()};
    EXPECT_EQ(context.health().apply_health_check_result(check).value().current_leases, 0);
}

void expiry_shows_in_audits(Context& context) {
    expired_unseen(context);
    EXPECT_EQ(context.maintenance().audit().leases, 0);
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

/// Whichever call was the first to report that a lease has expired, every later one reports it too, though
/// the clock stepped back in between: a standby took over, or a clock was corrected.
void expired_lease_stays_ended_when_the_clock_steps_back(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    struct Call {
        std::string name;
        bool possible;
        std::function<void(const Lease&)> tells;
    };
    const std::vector<Call> calls{
        {"get_pool_stats", true, [&](const Lease&) { EXPECT_EQ(context.stats().total_leases, 0); }},
        {"find_available_proxy", true, [&](const Lease&) { EXPECT_TRUE(context.find("pool")); }},
        {"release_lease", true, [&](const Lease& lease) { EXPECT_FALSE(context.release(lease)); }},
        {"acquire", context.properties().replays,
         [&](const Lease& lease) { EXPECT_FALSE(context.acquire({.pool = "pool", .lease_id = lease.id})); }},
        {"cleanup_expired_leases", true, [&](const Lease&) { EXPECT_EQ(context.cleanup(), 1); }},
        {"get_lease", context.has_control(),
         [&](const Lease& lease) {
             EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}).value().status,
                       LeaseStatus::released);
         }},
        {"list_leases", context.has_control(),
         [&](const Lease&) {
             EXPECT_TRUE(context.control().list_leases({.status = LeaseStatus::active}).items.empty());
         }},
        {"renew_lease", context.has_control(),
         [&](const Lease& lease) {
             EXPECT_FALSE(context.control().renew_lease({.lease_id = lease.id, .duration = 1min}).renewed);
         }},
        {"get_proxy", context.has_catalog(), [&](const Lease&) { EXPECT_EQ(context.leases_on(proxy), 0); }},
        {"audit", context.has_maintenance(),
         [&](const Lease&) { EXPECT_EQ(context.maintenance().audit().leases, 0); }},
    };
    for (const auto& call : calls) {
        if (!call.possible) continue;
        const testing::ScopedTrace trace(__FILE__, __LINE__,
                                         call.name + " reported that the lease has expired");
        const auto lease = context.lease(proxy, 10s).lease();
        context.clock().set(lease.expires_at);
        call.tells(lease);
        context.clock().advance(-1h);
        EXPECT_EQ(context.stats().total_leases, 0);
        EXPECT_FALSE(context.release(lease));
        if (context.has_control()) {
            EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}).value().status,
                      LeaseStatus::released);
            EXPECT_FALSE(context.control().renew_lease({.lease_id = lease.id, .duration = 1min}).renewed);
        }
        EXPECT_TRUE(context.find("pool"));
        context.clock().advance(2h);
        context.cleanup();
    }
}

}  // namespace

std::vector<Case> expiry_cases() {
    return {
        {"lease_ends_exactly_then", {"E-01", "E-04"}, {.test_clock = true}, lease_ends_exactly_then},
        {"release_is_possible_until_then",
         {"E-01", "R-01"},
         {.test_clock = true},
         release_is_possible_until_then},
        {"cleanup_at_the_boundary", {"E-01", "E-02"}, {.test_clock = true}, cleanup_at_the_boundary},
        {"shortest_and_longest_lease", {"E-01", "V-01"}, {.test_clock = true}, shortest_and_longest_lease},
        {"statistics_leave_out_expired_leases", {"E-04"}, {}, statistics_leave_out_expired_leases},
        {"cleanup_first_then_everything_is_free", {"E-02"}, {}, cleanup_first_then_everything_is_free},
        {"expiry_shows_in_find", {"E-04", "A-07"}, {.test_clock = true}, expiry_shows_in_find},
        {"expiry_shows_in_acquire", {"E-04", "A-07"}, {.test_clock = true}, expiry_shows_in_acquire},
        {"expiry_shows_in_create_lease",
         {"E-04", "A-07"},
         {.test_clock = true},
         expiry_shows_in_create_lease},
        {"expiry_shows_in_release", {"E-04", "R-05"}, {.test_clock = true}, expiry_shows_in_release},
        {"expiry_shows_in_lease_control",
         {"E-04"},
         {.lease_control = true, .test_clock = true},
         expiry_shows_in_lease_control},
        {"expiry_shows_in_the_catalog",
         {"E-04", "C-14"},
         {.catalog = true, .test_clock = true},
         expiry_shows_in_the_catalog},
        {"expiry_shows_in_health_checks",
         {"E-04"},
         {.health_log = true, .test_clock = true},
         expiry_shows_in_health_checks},
        {"expiry_shows_in_audits",
         {"E-04"},
         {.maintenance = true, .test_clock = true},
         expiry_shows_in_audits},
        {"store_time_never_runs_backwards", {"E-06"}, {.test_clock = true}, store_time_never_runs_backwards},
        {"expired_lease_stays_ended_when_the_clock_steps_back",
         {"E-06"},
         {.test_clock = true},
         expired_lease_stays_ended_when_the_clock_steps_back},
    };
}

}  // namespace pharox::testkit
