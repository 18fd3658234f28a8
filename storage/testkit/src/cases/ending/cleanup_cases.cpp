// Collecting what has expired, and reporting it once.
#include <algorithm>
#include <map>
#include <mutex>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void cleanup_counts_each_lease_once(Context& context) {
    const auto first = context.add_proxies(context.add_pool("first"), 3);
    const auto second =
        context.add_proxies(context.add_pool("second"), 1, [](Proxy& it) { it.max_concurrency = 5; });
    for (const auto& proxy : first) {
        context.lease(proxy, context.short_time());
    }
    context.lease(second[0], context.short_time());
    const auto kept = context.lease(second[0], 1h);
    std::int64_t counted = 0;
    context.pass(context.short_time(), [&] { return (counted += context.cleanup()) == 4; });
    EXPECT_EQ(context.cleanup(), 0);
    EXPECT_EQ(context.stats("first").available_proxies, 3);
    EXPECT_EQ(context.stats("second").total_leases, 1);
    EXPECT_EQ(context.find("second").value().current_leases, 1);
    EXPECT_TRUE(context.release(kept.lease())) << "what has not expired was left alone";
}

void cleanup_of_nothing(Context& context) {
    EXPECT_EQ(context.cleanup(), 0);
    context.lease(context.add_proxy(context.add_pool()), 1h);
    const auto result = context.store().cleanup_expired_leases({.collect = true});
    EXPECT_EQ(result.count, 0);
    EXPECT_TRUE(result.leases.empty());
    EXPECT_EQ(context.stats().total_leases, 1);
}

void collected_leases_are_in_order(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::vector<Lease> leases;
    std::vector<LeaseId> ids{LeaseId::make(), LeaseId::make(), LeaseId::make(), LeaseId::make(),
                             LeaseId::make()};
    std::reverse(ids.begin(), ids.end());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        leases.push_back(context.store()
                             .create_lease({.proxy_id = proxy.id,
                                            .consumer = "worker",
                                            .duration = Duration(i % 2 == 0 ? 20s : 10s),
                                            .lease_id = ids[i],
                                            .metadata = Json::object({{"i", static_cast<int>(i)}})})
                             .lease());
    }
    context.clock().advance(20s);
    const auto result = context.store().cleanup_expired_leases({.collect = true});
    EXPECT_EQ(result.count, 5);
    for (auto& lease : leases) {
        lease = as_of(lease, context.clock().now());
    }
    std::sort(leases.begin(), leases.end(), [](const Lease& left, const Lease& right) {
        return std::pair(left.expires_at, left.id) < std::pair(right.expires_at, right.id);
    });
    EXPECT_EQ(result.leases, leases);
    EXPECT_TRUE(context.store().cleanup_expired_leases({.collect = true}).leases.empty());
}

void removals_leave_the_order(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 3);
    std::vector<Lease> leases;
    for (std::size_t i = 0; i < proxies.size(); ++i) {
        leases.push_back(context.lease(proxies[i], Duration(i * 1s + 1s)).lease());
    }
    context.clock().advance(1min);
    EXPECT_TRUE(context.catalog().remove_proxy(proxies[1].id, false).removed) << "its lease has expired";
    const auto result = context.store().cleanup_expired_leases({.collect = true});
    EXPECT_EQ(result.count, 3);
    for (auto& lease : leases) lease = as_of(lease, context.clock().now());
    EXPECT_EQ(result.leases, leases);
}

void collecting_is_asked_for(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 2);
    context.lease(proxies[0], 1s);
    context.clock().advance(1s);
    EXPECT_EQ(context.store().cleanup_expired_leases({.collect = false}).count, 1);
    const auto second = context.lease(proxies[1], 1s);
    context.clock().advance(1s);
    const auto result = context.store().cleanup_expired_leases({.collect = true});
    EXPECT_EQ(result.count, 1);
    ASSERT_EQ(result.leases.size(), 1U);
    EXPECT_EQ(result.leases[0], as_of(second.lease(), context.clock().now()));
}

void expiry_is_reported_once(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 4);
    std::map<LeaseId, int> reports;
    for (const auto& proxy : proxies) {
        reports[context.lease(proxy, context.short_time()).lease().id] = 0;
    }
    context.expire("pool", context.short_time());
    const auto report = [&](const std::vector<Lease>& expired) {
        for (const auto& lease : expired) {
            EXPECT_TRUE(reports.contains(lease.id));
            EXPECT_EQ(lease.release_reason, ReleaseReason::expired);
            EXPECT_EQ(lease.released_at, lease.expires_at);
            ++reports[lease.id];
        }
    };
    report(context.store().find_available_proxy({.pool = "pool"}).expired);
    const auto acquired = context.acquire({.pool = "pool"});
    ASSERT_TRUE(acquired);
    report(acquired.expired);
    EXPECT_TRUE(context.release(acquired.lease()));
    report(context.store().create_lease({.proxy_id = proxies[3].id, .consumer = "worker"}).expired);
    report(context.store().cleanup_expired_leases({.collect = true}).leases);
    report(context.store().cleanup_expired_leases({.collect = true}).leases);
    for (const auto& [id, count] : reports) {
        EXPECT_EQ(count, 1) << id;
    }
}

void racing_cleanups(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (int i = 0; i < 40; ++i) {
        context.lease(proxy, context.short_time());
    }
    const auto kept = context.lease(proxy, 1h);
    context.expire("pool", context.short_time(), 1);
    std::mutex mutex;
    std::map<LeaseId, int> reports;
    std::int64_t counted = 0;
    in_threads(6, [&](int) {
        const auto result = context.store().cleanup_expired_leases({.collect = true});
        const std::lock_guard lock(mutex);
        counted += result.count;
        for (const auto& lease : result.leases) {
            ++reports[lease.id];
        }
    });
    EXPECT_EQ(counted, 40);
    EXPECT_EQ(reports.size(), 40U);
    for (const auto& [id, count] : reports) {
        EXPECT_EQ(count, 1) << id;
    }
    EXPECT_EQ(context.find("pool").value().current_leases, 1);
    EXPECT_TRUE(context.release(kept.lease()));
}

}  // namespace

std::vector<Case> cleanup_cases() {
    return {
        {"cleanup_counts_each_lease_once", {"E-02"}, {}, cleanup_counts_each_lease_once},
        {"cleanup_of_nothing", {"E-02"}, {}, cleanup_of_nothing},
        {"collected_leases_are_in_order", {"E-03"}, {.test_clock = true}, collected_leases_are_in_order},
        {"removals_leave_the_order",
         {"E-03"},
         {.catalog = true, .test_clock = true},
         removals_leave_the_order},
        {"collecting_is_asked_for", {"E-03"}, {.test_clock = true}, collecting_is_asked_for},
        {"expiry_is_reported_once", {"E-05"}, {}, expiry_is_reported_once},
        {"racing_cleanups", {"E-02", "E-05"}, {}, racing_cleanups},
    };
}

}  // namespace pharox::testkit
