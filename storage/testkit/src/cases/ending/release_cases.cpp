// Releasing a lease.
#include <atomic>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void release_ends_the_lease(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy);
    if (context.has_test_clock()) {
        context.clock().advance(5s);
    }
    const auto result = context.store().release_lease({.lease_id = leased.lease().id});
    EXPECT_TRUE(result.released);
    ASSERT_TRUE(result.lease);
    Lease wanted = leased.lease();
    wanted.status = LeaseStatus::released;
    wanted.release_reason = ReleaseReason::released;
    wanted.released_at = result.lease->released_at;
    EXPECT_EQ(*result.lease, wanted);
    ASSERT_TRUE(result.lease->released_at);
    EXPECT_GE(*result.lease->released_at, leased.lease().acquired_at);
    EXPECT_LT(*result.lease->released_at, leased.lease().expires_at);
    if (context.has_test_clock()) {
        EXPECT_EQ(*result.lease->released_at, context.clock().now());
    }
    EXPECT_EQ(context.find("pool"), proxy);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void second_release_answers_no(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 3; });
    const auto leased = context.lease(proxy);
    const auto other = context.lease(proxy);
    const auto first = context.store().release_lease({.lease_id = leased.lease().id, .pool = "pool"});
    EXPECT_TRUE(first.released);
    if (context.has_test_clock()) {
        context.clock().advance(1s);
    }
    for (int i = 0; i < 3; ++i) {
        const auto again = context.store().release_lease({.lease_id = leased.lease().id, .pool = "pool"});
        EXPECT_FALSE(again.released);
        EXPECT_EQ(again.lease, first.lease);
        EXPECT_EQ(context.find("pool").value().current_leases, 1) << "the other lease still counts";
    }
    EXPECT_TRUE(context.release(other.lease()));
    EXPECT_EQ(context.find("pool").value().current_leases, 0);
}

void unknown_lease_is_not_released(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    context.lease(proxy);
    for (const auto& id : {LeaseId::make(), LeaseId()}) {
        for (const auto* pool : {"", "pool", "elsewhere"}) {
            const auto result = context.store().release_lease({.lease_id = id, .pool = pool});
            EXPECT_FALSE(result.released);
            EXPECT_FALSE(result.lease);
        }
    }
    EXPECT_EQ(context.stats().total_leases, 1);
}

void release_frees_the_stored_proxy(Context& context) {
    const auto first = context.add_proxy(context.add_pool("first"));
    const auto second = context.add_proxy(context.add_pool("second"));
    const auto in_first = context.lease(first);
    context.lease(second);
    // A caller that names the wrong pool may get no for an answer, but never frees another lease's proxy.
    const auto result = context.store().release_lease({.lease_id = in_first.lease().id, .pool = "second"});
    EXPECT_EQ(context.stats("first").total_leases, result.released ? 0 : 1);
    EXPECT_EQ(context.stats("second").total_leases, 1);
    EXPECT_FALSE(context.find("second"));
    EXPECT_EQ(context.release(in_first.lease()), !result.released);
    EXPECT_EQ(context.stats("first").total_leases, 0);
    EXPECT_EQ(context.stats("second").total_leases, 1);
}

void release_without_a_pool(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy);
    EXPECT_TRUE(context.store().release_lease({.lease_id = leased.lease().id}).released);
    EXPECT_EQ(context.find("pool"), proxy);
}

void expired_lease_is_not_released(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    for (const bool collected : {false, true}) {
        SCOPED_TRACE(collected);
        const auto leased = context.lease(proxy, context.short_time());
        context.expire("pool", context.short_time());
        if (collected) {
            EXPECT_LE(context.cleanup(), 1);
        }
        const auto result = context.store().release_lease({.lease_id = leased.lease().id, .pool = "pool"});
        EXPECT_FALSE(result.released);
        ASSERT_TRUE(result.lease);
        EXPECT_EQ(*result.lease, as_of(leased.lease(), leased.lease().expires_at));
        EXPECT_EQ(result.lease->status, LeaseStatus::released);
        EXPECT_EQ(result.lease->release_reason, ReleaseReason::expired);
        EXPECT_EQ(result.lease->released_at, leased.lease().expires_at);
        EXPECT_EQ(context.stats().total_leases, 0);
    }
    EXPECT_EQ(context.lease(proxy).proxy().current_leases, 1) << "each lease frees one slot, once";
    EXPECT_FALSE(context.find("pool"));
}

void released_lease_stays_released(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy, context.short_time());
    const auto other = context.lease(context.add_proxy(context.add_pool("other")), context.short_time());
    const auto result = context.store().release_lease({.lease_id = leased.lease().id});
    ASSERT_TRUE(result.released);
    context.expire("other", context.short_time());
    const auto collected = context.store().cleanup_expired_leases({.collect = true});
    EXPECT_EQ(collected.count, 1);
    ASSERT_EQ(collected.leases.size(), 1U);
    EXPECT_EQ(collected.leases[0].id, other.lease().id) << "what was released does not expire as well";
    EXPECT_EQ(context.store().release_lease({.lease_id = leased.lease().id}).lease, result.lease);
}

void racing_releases(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 2; });
    const auto kept = context.lease(proxy);
    for (int round = 0; round < 10; ++round) {
        const auto leased = context.lease(proxy);
        std::atomic<int> released = 0;
        in_threads(6, [&](int) {
            released +=
                context.store().release_lease({.lease_id = leased.lease().id, .pool = "pool"}).released;
        });
        EXPECT_EQ(released, 1);
        EXPECT_EQ(context.stats().total_leases, 1);
    }
    EXPECT_TRUE(context.release(kept.lease()));
}

}  // namespace

std::vector<Case> release_cases() {
    return {
        {"release_ends_the_lease", {"R-01"}, {}, release_ends_the_lease},
        {"second_release_answers_no", {"R-03", "R-02"}, {}, second_release_answers_no},
        {"unknown_lease_is_not_released", {"R-04"}, {}, unknown_lease_is_not_released},
        {"release_frees_the_stored_proxy", {"R-02"}, {}, release_frees_the_stored_proxy},
        {"release_without_a_pool", {"R-02"}, {}, release_without_a_pool},
        {"expired_lease_is_not_released", {"R-05", "E-04"}, {}, expired_lease_is_not_released},
        {"released_lease_stays_released", {"R-01", "E-02"}, {}, released_lease_stays_released},
        {"racing_releases", {"R-06"}, {}, racing_releases},
    };
}

}  // namespace pharox::testkit
