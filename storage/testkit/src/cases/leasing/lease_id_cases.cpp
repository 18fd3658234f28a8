// Lease ids of the caller's own: a call with an unknown outcome can be repeated.
#include <mutex>
#include <set>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void given_id_is_used(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 9; });
    const auto id = LeaseId::make();
    EXPECT_EQ(context.acquire({.pool = "pool", .lease_id = id}).lease().id, id);
    const auto other = LeaseId::make();
    EXPECT_EQ(context.store()
                  .create_lease({.proxy_id = proxy.id, .consumer = "worker", .lease_id = other})
                  .lease()
                  .id,
              other);
    std::set<LeaseId> drawn{id, other};
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(drawn.insert(context.acquire({.pool = "pool"}).lease().id).second);
    }
    EXPECT_FALSE(drawn.contains(LeaseId()));
}

void same_id_same_lease(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = 2; });
    const auto id = LeaseId::make();
    const AcquireRequest request{
        .pool = "pool", .consumer = "worker", .selector = Selector::round_robin, .lease_id = id};
    const auto first = context.store().acquire(request);
    ASSERT_TRUE(first);
    EXPECT_FALSE(first.replayed);
    for (int i = 0; i < 3; ++i) {
        if (context.has_test_clock()) {
            context.clock().advance(Duration(1));
        }
        const auto again = context.store().acquire(request);
        ASSERT_TRUE(again);
        EXPECT_TRUE(again.replayed);
        EXPECT_EQ(again.lease(), first.lease());
        EXPECT_EQ(again.proxy().id, first.proxy().id);
        EXPECT_EQ(again.proxy().current_leases, 1);
        const auto created = context.store().create_lease(
            {.proxy_id = first.proxy().id, .consumer = "worker", .lease_id = id});
        EXPECT_EQ(created.lease(), first.lease());
        EXPECT_TRUE(created.replayed);
    }
    EXPECT_EQ(context.stats().total_leases, 1);
    if (context.properties().rotation == Rotation::fair) {
        return;
    }
    EXPECT_EQ(first.proxy().id, proxies[0].id);
    EXPECT_EQ(context.find("pool", {}, Selector::round_robin).value().id, proxies[1].id)
        << "a replay does not advance the use sequence";
    const auto third = context.acquire({.pool = "pool", .selector = Selector::round_robin});
    EXPECT_EQ(third.proxy().id, proxies[2].id);
    EXPECT_TRUE(context.release(third.lease()));
    EXPECT_TRUE(context.acquire({.pool = "pool", .lease_id = id}).replayed);
    EXPECT_EQ(context.acquire({.pool = "pool", .selector = Selector::round_robin}).proxy().id, proxies[0].id)
        << "the replay gave its proxy no new number of the use sequence";
}

void replay_ignores_the_proxy_that_is_asked(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    const auto id = LeaseId::make();
    const CreateLeaseRequest request{.proxy_id = proxies[0].id, .consumer = "worker", .lease_id = id};
    const auto first = context.store().create_lease(request);
    auto other = request;
    other.proxy_id = proxies[1].id;
    const auto again = context.store().create_lease(other);
    EXPECT_EQ(again.lease(), first.lease());
    EXPECT_EQ(again.proxy().id, proxies[0].id);
    EXPECT_EQ(context.find("pool"), proxies[1]);
}

void replay_when_the_pool_is_full(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto id = LeaseId::make();
    const auto first = context.acquire({.pool = "pool", .lease_id = id});
    ASSERT_TRUE(first);
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    const auto again = context.acquire({.pool = "pool", .lease_id = id});
    ASSERT_TRUE(again) << "the pool is full because of this very lease";
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.lease(), first.lease());
    const auto created =
        context.store().create_lease({.proxy_id = proxy.id, .consumer = "worker", .lease_id = id});
    EXPECT_EQ(created.lease(), first.lease());
    EXPECT_EQ(context.stats().total_leases, 1);
}

void replay_when_the_proxy_is_banned(Context& context) {
    auto proxy = context.add_proxy(context.add_pool());
    const auto id = LeaseId::make();
    const auto first = context.acquire({.pool = "pool", .lease_id = id});
    proxy.status = ProxyStatus::banned;
    context.catalog().update_proxy(proxy);
    const auto again = context.acquire({.pool = "pool", .lease_id = id});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.lease(), first.lease());
    EXPECT_EQ(again.proxy().status, ProxyStatus::banned);
}

/// The id of a lease that has ended, asked again in every way.
void expect_ended(Context& context, const Lease& ended) {
    const auto again = context.acquire({.pool = "pool", .lease_id = ended.id});
    EXPECT_FALSE(again);
    if (!again) {
        EXPECT_EQ(again.miss(), Miss::lease_ended);
    }
    const auto error = thrown<LeaseEndedError>([&] {
        context.store().create_lease(
            {.proxy_id = ended.proxy_id, .consumer = "worker", .lease_id = ended.id});
    });
    if (error) {
        EXPECT_EQ(error->lease_id(), ended.id);
    }
    EXPECT_EQ(context.stats().total_leases, 0);
}

void released_id_never_leases_again(Context& context) {
    context.add_proxy(context.add_pool());
    const auto lease = context.acquire({.pool = "pool", .lease_id = LeaseId::make()}).lease();
    EXPECT_TRUE(context.release(lease));
    expect_ended(context, lease);
    EXPECT_TRUE(context.acquire({.pool = "pool"})) << "the proxy itself is free";
}

void expired_id_never_leases_again(Context& context) {
    context.add_proxy(context.add_pool());
    const auto lease =
        context.acquire({.pool = "pool", .duration = context.short_time(), .lease_id = LeaseId::make()})
            .lease();
    context.expire("pool", context.short_time());
    expect_ended(context, lease);  // not collected yet
    context.cleanup();
    expect_ended(context, lease);
}

void id_of_another_caller_is_a_conflict(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 5; });
    const auto elsewhere = context.add_proxy(context.add_pool("other"));
    context.add_consumer("other");
    const auto id = LeaseId::make();
    ASSERT_TRUE(context.acquire({.pool = "pool", .lease_id = id}));
    EXPECT_TRUE(thrown<ConflictError>(
        [&] { context.acquire({.pool = "pool", .consumer = "other", .lease_id = id}); }));
    EXPECT_TRUE(thrown<ConflictError>([&] { context.acquire({.pool = "other", .lease_id = id}); }));
    EXPECT_TRUE(thrown<ConflictError>(
        [&] { context.store().create_lease({.proxy_id = proxy.id, .consumer = "other", .lease_id = id}); }));
    EXPECT_TRUE(thrown<ConflictError>([&] {
        context.store().create_lease({.proxy_id = elsewhere.id, .consumer = "worker", .lease_id = id});
    }));
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.stats("other").total_leases, 0);
}

void failed_call_leaves_its_id_free(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto id = LeaseId::make();
    const auto held = context.lease(proxy);
    EXPECT_FALSE(context.acquire({.pool = "pool", .lease_id = id}));
    EXPECT_TRUE(thrown<ProxyUnavailableError>(
        [&] { context.store().create_lease({.proxy_id = proxy.id, .consumer = "worker", .lease_id = id}); }));
    EXPECT_TRUE(context.release(held.lease()));
    EXPECT_TRUE(thrown<ConsumerNotFoundError>(
        [&] { context.acquire({.pool = "pool", .consumer = "stranger", .lease_id = id}); }));
    const auto leased = context.acquire({.pool = "pool", .lease_id = id});
    ASSERT_TRUE(leased);
    EXPECT_EQ(leased.lease().id, id);
    EXPECT_FALSE(leased.replayed);
}

void racing_for_one_id(Context& context) {
    context.add_proxies(context.add_pool(), 4, [](Proxy& it) { it.max_concurrency = 4; });
    for (int round = 0; round < 10; ++round) {
        const auto id = LeaseId::make();
        std::mutex mutex;
        std::vector<AcquireResult> results;
        in_threads(6, [&](int) {
            auto result = context.store().acquire(
                {.pool = "pool", .consumer = "worker", .selector = Selector::round_robin, .lease_id = id});
            const std::lock_guard lock(mutex);
            results.push_back(std::move(result));
        });
        bool made = false;
        for (const auto& result : results) {
            ASSERT_TRUE(result);
            EXPECT_EQ(result.lease(), results.front().lease());
            made = made || !result.replayed;
        }
        EXPECT_TRUE(made) << "one of the calls created the lease";
        EXPECT_EQ(context.stats().total_leases, 1);
        EXPECT_TRUE(context.release(results.front().lease()));
    }
}

}  // namespace

std::vector<Case> lease_id_cases() {
    return {
        {"given_id_is_used", {"I-01"}, {}, given_id_is_used},
        {"same_id_same_lease", {"I-02"}, {.replays = true}, same_id_same_lease},
        {"replay_ignores_the_proxy_that_is_asked",
         {"I-02"},
         {.replays = true},
         replay_ignores_the_proxy_that_is_asked},
        {"replay_when_the_pool_is_full", {"I-03"}, {.replays = true}, replay_when_the_pool_is_full},
        {"replay_when_the_proxy_is_banned",
         {"I-03"},
         {.catalog = true, .replays = true},
         replay_when_the_proxy_is_banned},
        {"released_id_never_leases_again", {"I-04"}, {.replays = true}, released_id_never_leases_again},
        {"expired_id_never_leases_again", {"I-04", "E-01"}, {.replays = true}, expired_id_never_leases_again},
        {"id_of_another_caller_is_a_conflict",
         {"I-05"},
         {.replays = true},
         id_of_another_caller_is_a_conflict},
        {"failed_call_leaves_its_id_free", {"I-07"}, {}, failed_call_leaves_its_id_free},
        {"racing_for_one_id", {"I-06"}, {.replays = true}, racing_for_one_id},
    };
}

}  // namespace pharox::testkit
