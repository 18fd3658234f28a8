// Leasing one proxy.
#include <limits>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void lease_says_what_was_asked(Context& context) {
    const auto pool = context.add_pool("eu \xe2\x82\xac");
    const auto proxy = context.add_proxy(pool);
    const auto consumer = context.store().ensure_consumer({.name = "worker"});
    const auto leased = context.lease(proxy, 90s);
    const Lease& lease = leased.lease();
    EXPECT_FALSE(lease.id.is_nil());
    EXPECT_EQ(lease.proxy_id, proxy.id);
    EXPECT_EQ(lease.consumer_id, consumer);
    EXPECT_EQ(lease.pool_id, pool.id);
    EXPECT_EQ(lease.pool_name, pool.name);
    EXPECT_EQ(lease.status, LeaseStatus::active);
    EXPECT_EQ(lease.released_at, std::nullopt);
    EXPECT_EQ(lease.release_reason, std::nullopt);
    EXPECT_EQ(lease.metadata, Json::object());
    EXPECT_EQ(lease.expires_at - lease.acquired_at, 90s);
    EXPECT_EQ(without_counter(leased.proxy()), proxy);
    EXPECT_EQ(leased.proxy().current_leases, 1);
}

void lease_is_made_now(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 9; });
    context.clock().advance(1234ms);
    EXPECT_EQ(context.lease(proxy).lease().acquired_at, context.clock().now());
    context.clock().advance(1ms);
    EXPECT_EQ(context.acquire({.pool = "pool"}).lease().acquired_at, context.clock().now());
}

void duration_is_exact(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (const Duration duration :
         {Duration(1), Duration(999), Duration(61'001), Duration(3'600'001), Duration(86'400'001),
          Duration(max_lease_duration) - 1ms, Duration(max_lease_duration)}) {
        SCOPED_TRACE(std::to_string(duration.count()) + " ms");
        const auto created = context.lease(proxy, duration);
        EXPECT_EQ(created.lease().expires_at - created.lease().acquired_at, duration);
        const auto acquired = context.acquire({.pool = "pool", .duration = duration});
        ASSERT_TRUE(acquired);
        EXPECT_EQ(acquired.lease().expires_at - acquired.lease().acquired_at, duration);
    }
    const auto usual = context.store().create_lease({.proxy_id = proxy.id, .consumer = "worker"});
    EXPECT_EQ(usual.lease().expires_at - usual.lease().acquired_at, 300s) << "the default";
}

void counter_follows_leases(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 10; });
    std::vector<Lease> held;
    for (int i = 1; i <= 4; ++i) {
        const auto leased = context.lease(proxy);
        EXPECT_EQ(leased.proxy().current_leases, i);
        EXPECT_EQ(context.find("pool").value().current_leases, i);
        EXPECT_EQ(context.stats().total_leases, i);
        held.push_back(leased.lease());
    }
    for (int left = 3; left >= 0; --left) {
        EXPECT_TRUE(context.release(held[static_cast<std::size_t>(left)]));
        EXPECT_EQ(context.find("pool").value().current_leases, left);
        EXPECT_EQ(context.stats().total_leases, left);
    }
}

void inactive_proxy_is_not_leased(Context& context) {
    const auto pool = context.add_pool();
    for (const auto status : {ProxyStatus::inactive, ProxyStatus::slow, ProxyStatus::banned}) {
        const auto proxy = context.add_proxy(pool, [&](Proxy& it) { it.status = status; });
        const auto error = thrown<ProxyUnavailableError>([&] { context.lease(proxy); });
        ASSERT_TRUE(error) << status;
        EXPECT_EQ(error->proxy_id(), proxy.id);
    }
    EXPECT_EQ(context.stats().total_leases, 0);
}

void full_proxy_is_not_leased(Context& context) {
    const auto pool = context.add_pool();
    for (const int limit : {1, 3}) {
        const auto proxy = context.add_proxy(pool, [&](Proxy& it) { it.max_concurrency = limit; });
        for (int i = 0; i < limit; ++i) {
            context.lease(proxy);
        }
        const auto error = thrown<ProxyUnavailableError>([&] { context.lease(proxy); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->proxy_id(), proxy.id);
    }
    EXPECT_EQ(context.stats().total_leases, 4);
}

void unknown_proxy_is_not_leased(Context& context) {
    const auto proxy = context.new_proxy(context.add_pool());
    const auto error = thrown<ProxyNotFoundError>([&] { context.lease(proxy); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->proxy_id(), proxy.id);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void unknown_consumer_gets_no_lease(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    for (int i = 0; i < 2; ++i) {  // twice: the first call did not register it
        const auto error = thrown<ConsumerNotFoundError>(
            [&] { context.store().create_lease({.proxy_id = proxy.id, .consumer = "stranger"}); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->consumer(), "stranger");
    }
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_EQ(context.find("pool"), proxy);
    EXPECT_NO_THROW(context.lease(proxy));
}

void failed_lease_changes_nothing(Context& context) {
    const auto pool = context.add_pool();
    const auto full = context.add_proxy(pool);
    const auto free = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    const auto held = context.lease(full);
    EXPECT_TRUE(thrown<ProxyUnavailableError>([&] { context.lease(full); }));
    EXPECT_TRUE(thrown<InvalidLeaseError>([&] { context.lease(free, 0ms); }));
    EXPECT_TRUE(thrown<ConsumerNotFoundError>(
        [&] { context.store().create_lease({.proxy_id = free.id, .consumer = "stranger"}); }));
    EXPECT_TRUE(thrown<ValidationError>([&] {
        context.store().create_lease({.proxy_id = free.id, .consumer = "worker", .metadata = Json::array()});
    }));
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.find("pool", {.country = "AR"}), free);
    EXPECT_TRUE(context.release(held.lease()));
    EXPECT_EQ(context.find("pool", {.exclude = {free.id}}), full);
}

void lease_metadata_come_back(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 9; });
    const Json metadata = Json::object({{"job", "\xf0\x9f\xa6\x8a"},
                                        {"n", std::numeric_limits<std::int64_t>::min()},
                                        {"x", 0.1},
                                        {"deep", Json::array({Json::object({{"a", Json()}}), true})}});
    const auto created =
        context.store().create_lease({.proxy_id = proxy.id, .consumer = "worker", .metadata = metadata});
    EXPECT_EQ(created.lease().metadata, metadata);
    const auto acquired = context.acquire({.pool = "pool", .metadata = metadata});
    EXPECT_EQ(acquired.lease().metadata, metadata);
    const auto released = context.store().release_lease({.lease_id = created.lease().id});
    EXPECT_EQ(released.lease.value().metadata, metadata);
    if (context.has_control()) {
        EXPECT_EQ(context.control().get_lease({.lease_id = acquired.lease().id}).value().metadata, metadata);
    }
}

void large_metadata_are_refused(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 9; });
    const auto lease = [&](const Json& metadata) {
        context.store().create_lease({.proxy_id = proxy.id, .consumer = "worker", .metadata = metadata});
    };
    const auto acquire = [&](const Json& metadata) {
        context.acquire({.pool = "pool", .metadata = metadata});
    };
    const Json fits = Json::object({{"x", std::string(16'000, 'x')}});
    const Json large = Json::object({{"x", std::string(17'000, 'x')}});
    Json deep = Json::object();
    for (int i = 0; i < 32; ++i) {
        deep = Json::object({{"d", deep}});
    }
    EXPECT_NO_THROW(lease(fits));
    EXPECT_NO_THROW(acquire(fits));
    for (const auto& wrong : {large, deep, Json(), Json(1), Json::array()}) {
        expect_refused<ValidationError>("metadata", [&] { lease(wrong); });
        expect_refused<ValidationError>("metadata", [&] { acquire(wrong); });
    }
    EXPECT_EQ(context.stats().total_leases, 2);
}

void invalid_durations_are_refused(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (const Duration wrong : {Duration(0), Duration(-1), Duration(-60'000),
                                 Duration(max_lease_duration) + 1ms, Duration::max(), Duration::min()}) {
        SCOPED_TRACE(wrong.count());
        expect_refused<InvalidLeaseError>("duration_ms", [&] { context.lease(proxy, wrong); });
        expect_refused<InvalidLeaseError>("duration_ms",
                                          [&] { context.acquire({.pool = "pool", .duration = wrong}); });
    }
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_NO_THROW(context.lease(proxy, min_lease_duration));
    EXPECT_NO_THROW(context.lease(proxy, max_lease_duration));
}

}  // namespace

std::vector<Case> lease_cases() {
    return {
        {"lease_says_what_was_asked", {"L-01", "L-02", "L-03"}, {}, lease_says_what_was_asked},
        {"lease_is_made_now", {"L-01"}, {.test_clock = true}, lease_is_made_now},
        {"duration_is_exact", {"L-02", "V-01"}, {}, duration_is_exact},
        {"counter_follows_leases", {"L-03"}, {}, counter_follows_leases},
        {"inactive_proxy_is_not_leased", {"L-04"}, {}, inactive_proxy_is_not_leased},
        {"full_proxy_is_not_leased", {"L-05"}, {}, full_proxy_is_not_leased},
        {"unknown_proxy_is_not_leased", {"L-06"}, {}, unknown_proxy_is_not_leased},
        {"unknown_consumer_gets_no_lease", {"L-07"}, {}, unknown_consumer_gets_no_lease},
        {"failed_lease_changes_nothing", {"L-11", "V-03"}, {}, failed_lease_changes_nothing},
        {"lease_metadata_come_back", {"L-10", "J-03"}, {}, lease_metadata_come_back},
        {"large_metadata_are_refused", {"V-04", "V-03"}, {}, large_metadata_are_refused},
        {"invalid_durations_are_refused", {"V-01", "V-03"}, {}, invalid_durations_are_refused},
    };
}

}  // namespace pharox::testkit
