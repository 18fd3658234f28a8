// Fencing tokens.
#include <mutex>
#include <set>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

std::int64_t token(const Lease& lease) { return lease.fencing_token; }

void tokens_increase(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 2; });
    std::int64_t last = 0;
    for (int i = 0; i < 20; ++i) {
        const auto leased = i % 2 == 0 ? context.lease(proxy) : context.acquire({.pool = "pool"}).leased();
        EXPECT_GT(token(leased.lease()), last) << i;
        last = token(leased.lease());
        if (i % 3 != 0) {
            EXPECT_TRUE(context.release(leased.lease()));
        } else {
            context.store().release_lease({.lease_id = leased.lease().id});
        }
    }
}

void tokens_whatever_the_clock_does(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::int64_t last = 0;
    for (const Duration step :
         {Duration(0), Duration(1), Duration(-3'600'000), Duration(0), Duration(7'200'000)}) {
        context.clock().advance(step);
        const auto lease = context.lease(proxy).lease();
        EXPECT_GT(token(lease), last) << "after a step of " << step.count() << " ms";
        EXPECT_GE(token(lease), lease.acquired_at.time_since_epoch().count());
        last = token(lease);
    }
    EXPECT_EQ(last, context.clock().now().time_since_epoch().count())
        << "a token is no larger than necessary";
}

void tokens_are_no_more_than_they_must_be(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    const auto first = context.lease(proxy).lease();
    EXPECT_EQ(token(first), context.clock().now().time_since_epoch().count()) << "the time";
    EXPECT_EQ(token(context.lease(proxy).lease()), token(first) + 1) << "one more than the previous token";
    EXPECT_EQ(token(context.acquire({.pool = "pool"}).lease()), token(first) + 2);
}

void tokens_are_no_less_than_the_time(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()));
    EXPECT_GE(token(leased.lease()), leased.lease().acquired_at.time_since_epoch().count());
}

void tokens_of_racing_leases(Context& context) {
    context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::mutex mutex;
    std::set<std::int64_t> tokens;
    in_threads(6, [&](int) {
        std::int64_t last = 0;
        for (int i = 0; i < 20; ++i) {
            const auto acquired = context.store().acquire({.pool = "pool", .consumer = "worker"});
            EXPECT_GT(token(acquired.lease()), last);
            last = token(acquired.lease());
            const std::lock_guard lock(mutex);
            tokens.insert(last);
        }
    });
    EXPECT_EQ(tokens.size(), 120U) << "no two leases of a proxy share one";
}

void tokens_go_on_after_updates(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    auto proxy = context.add_proxy(left, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::int64_t last = 0;
    for (int i = 0; i < 4; ++i) {
        const auto lease = context.lease(proxy).lease();
        EXPECT_GT(token(lease), last) << "update " << i << ", while the clock stands still";
        last = token(lease);
        proxy.city = "city " + std::to_string(i);
        proxy.pool_id = i < 2 ? left.id : right.id;  // two updates in the pool, then a move to another one
        context.catalog().update_proxy(proxy);
    }
}

void tokens_go_on_after_reopening(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::int64_t last = 0;
    for (int i = 0; i < 4; ++i) {
        const auto lease = context.lease(proxy).lease();
        EXPECT_GT(token(lease), last);
        last = token(lease);
        if (i == 1) {
            EXPECT_TRUE(context.release(lease));
        }
        if (context.has_test_clock()) {
            context.clock().advance(-1h);
        }
        context.reopen();
    }
}

void replay_keeps_its_token(Context& context) {
    context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 5; });
    const auto id = LeaseId::make();
    const auto first = context.acquire({.pool = "pool", .lease_id = id});
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
    EXPECT_EQ(token(context.acquire({.pool = "pool", .lease_id = id}).lease()), token(first.lease()));
}

}  // namespace

std::vector<Case> token_cases() {
    return {
        {"tokens_increase", {"T-01"}, {}, tokens_increase},
        {"tokens_whatever_the_clock_does",
         {"T-01", "T-02"},
         {.test_clock = true},
         tokens_whatever_the_clock_does},
        {"tokens_are_no_less_than_the_time", {"T-02"}, {}, tokens_are_no_less_than_the_time},
        {"tokens_are_no_more_than_they_must_be",
         {"T-03"},
         {.test_clock = true},
         tokens_are_no_more_than_they_must_be},
        {"tokens_of_racing_leases", {"T-01"}, {}, tokens_of_racing_leases},
        {"tokens_go_on_after_updates",
         {"T-01", "C-07"},
         {.catalog = true, .test_clock = true},
         tokens_go_on_after_updates},
        {"tokens_go_on_after_reopening", {"T-01", "D-03"}, {.durable = true}, tokens_go_on_after_reopening},
        {"replay_keeps_its_token", {"T-01", "I-02"}, {.replays = true}, replay_keeps_its_token},
    };
}

}  // namespace pharox::testkit
