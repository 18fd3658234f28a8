// Finding and leasing in one step.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void acquire_leases_what_fits(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    context.add_proxy(pool, [](Proxy& it) { it.country = "BR"; });
    const auto consumer = context.store().ensure_consumer({.name = "worker"});
    const auto acquired = context.acquire({.pool = "pool", .duration = 7s, .filters = {.country = "AR"}});
    ASSERT_TRUE(acquired);
    EXPECT_FALSE(acquired.replayed);
    EXPECT_TRUE(acquired.expired.empty());
    EXPECT_EQ(without_counter(acquired.proxy()), proxy);
    EXPECT_EQ(acquired.proxy().current_leases, 1);
    const auto& lease = acquired.lease();
    EXPECT_EQ(lease.proxy_id, proxy.id);
    EXPECT_EQ(lease.pool_id, pool.id);
    EXPECT_EQ(lease.pool_name, "pool");
    EXPECT_EQ(lease.consumer_id, consumer);
    EXPECT_EQ(lease.status, LeaseStatus::active);
    EXPECT_EQ(lease.expires_at - lease.acquired_at, 7s);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void unknown_pool_is_a_miss(Context& context) {
    context.add_proxy(context.add_pool());
    const auto known = context.acquire({.pool = "elsewhere"});
    ASSERT_FALSE(known);
    EXPECT_EQ(known.miss(), Miss::pool_unknown);
    const auto stranger = context.store().acquire({.pool = "elsewhere", .consumer = "stranger"});
    ASSERT_FALSE(stranger) << "the pool is looked up first";
    EXPECT_EQ(stranger.miss(), Miss::pool_unknown);
}

void unknown_consumer_acquires_nothing(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    for (int i = 0; i < 2; ++i) {
        const auto error = thrown<ConsumerNotFoundError>(
            [&] { context.store().acquire({.pool = "pool", .consumer = "stranger"}); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->consumer(), "stranger");
    }
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_EQ(context.find("pool"), proxy);
    if (context.has_catalog()) {
        EXPECT_FALSE(context.catalog().get_consumer("stranger"));
    }
    context.lease(proxy);
    EXPECT_FALSE(context.store().acquire({.pool = "pool", .consumer = "stranger"})) << "nothing to refuse";
}

void no_consumer_means_the_default_one(Context& context) {
    context.add_proxy(context.add_pool());
    EXPECT_TRUE(thrown<ConsumerNotFoundError>([&] { context.store().acquire({.pool = "pool"}); }))
        << "a storage registers no consumer by itself";
    const auto id = context.store().ensure_consumer({.name = std::string(default_consumer_name)});
    const auto acquired = context.store().acquire({.pool = "pool"});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.lease().consumer_id, id);
}

void misses_have_the_right_reason(Context& context) {
    const auto pool = context.add_pool();
    context.expect_miss({.pool = "pool"}, Miss::nothing_matches);
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    context.add_proxy(pool, [](Proxy& it) {
        it.country = "BR";
        it.status = ProxyStatus::banned;
    });
    context.expect_miss({.pool = "pool", .filters = {.country = "CL"}}, Miss::nothing_matches);
    context.expect_miss({.pool = "pool", .filters = {.country = "BR"}}, Miss::nothing_matches);
    context.expect_miss({.pool = "pool", .filters = {.exclude = {proxy.id}}}, Miss::nothing_matches);
    context.lease(proxy);
    context.expect_miss({.pool = "pool"}, Miss::all_busy);
    context.expect_miss({.pool = "pool", .filters = {.country = "AR"}}, Miss::all_busy);
    context.expect_miss({.pool = "pool", .filters = {.country = "CL"}}, Miss::nothing_matches);
    context.expect_miss({.pool = "pool", .filters = {.exclude = {proxy.id}}}, Miss::nothing_matches);
    ProxyFilters refuses_all;
    refuses_all.predicate = [](const Proxy&) { return false; };
    const auto miss = context.acquire({.pool = "pool", .filters = refuses_all}).miss();
    EXPECT_TRUE(miss == Miss::nothing_matches || miss == Miss::none_available)
        << miss << ", though no busy proxy was asked about";
}

void proxy_of_weight_zero_is_no_reason(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.weight = 0; });
    const AcquireRequest request{.pool = "pool", .selector = Selector::weighted_random};
    EXPECT_EQ(context.acquire(request).miss(), Miss::none_available) << "it fits and is not full";
    context.lease(proxy);
    context.expect_miss(request, Miss::all_busy);
}

void miss_changes_nothing(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    const auto before = context.stats();
    EXPECT_FALSE(
        context.acquire({.pool = "pool", .filters = {.country = "AR"}, .selector = Selector::round_robin}));
    auto after = context.stats();
    after.collected_at = before.collected_at;
    EXPECT_EQ(after, before);
    EXPECT_EQ(context.find("pool", {}, Selector::round_robin).value().id, proxies[0].id);
}

void every_slot_is_leased_once(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 3, [](Proxy& it) { it.max_concurrency = 2; });
    for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(context.acquire({.pool = "pool", .selector = Selector::random})) << i;
    }
    EXPECT_FALSE(context.acquire({.pool = "pool", .selector = Selector::random}));
    EXPECT_EQ(context.stats().total_leases, 6);
}

void expired_leases_block_no_acquire(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    for (int round = 0; round < 3; ++round) {
        SCOPED_TRACE(round);
        context.lease(proxy, context.short_time());
        context.expire("pool", context.short_time());
        if (round == 0) {
            EXPECT_TRUE(context.find("pool"));
        } else if (round == 1) {
            const auto acquired = context.acquire({.pool = "pool"});
            ASSERT_TRUE(acquired);
            EXPECT_EQ(acquired.proxy().current_leases, 1);
            EXPECT_TRUE(context.release(acquired.lease()));
        } else {
            EXPECT_EQ(context.lease(proxy).proxy().current_leases, 1);
        }
    }
    EXPECT_EQ(context.stats().total_leases, 1);
}

void proxy_that_can_never_be_leased_twice(Context& context) {
    // The default acquire finds a candidate that create_lease then refuses; it must neither spin nor throw.
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    ProxyFilters filters;
    int asked = 0;
    filters.predicate = [&](const Proxy& it) {
        if (++asked == 1) {
            context.lease(it);
        }
        return true;
    };
    const auto acquired = context.acquire({.pool = "pool", .filters = filters});
    EXPECT_FALSE(acquired) << "leased over the limit of " << proxy;
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_LT(asked, 100);
}

}  // namespace

std::vector<Case> acquire_cases() {
    return {
        {"acquire_leases_what_fits", {"A-01", "L-01", "L-02", "L-03"}, {}, acquire_leases_what_fits},
        {"unknown_pool_is_a_miss", {"A-02"}, {}, unknown_pool_is_a_miss},
        {"unknown_consumer_acquires_nothing", {"A-03"}, {}, unknown_consumer_acquires_nothing},
        {"no_consumer_means_the_default_one", {"A-04"}, {}, no_consumer_means_the_default_one},
        {"misses_have_the_right_reason", {"A-05"}, {}, misses_have_the_right_reason},
        {"proxy_of_weight_zero_is_no_reason", {"A-05", "S-07"}, {}, proxy_of_weight_zero_is_no_reason},
        {"miss_changes_nothing", {"A-08"}, {.exact_rotation = true}, miss_changes_nothing},
        {"every_slot_is_leased_once", {"A-01", "L-05"}, {}, every_slot_is_leased_once},
        {"expired_leases_block_no_acquire", {"A-07", "E-04"}, {}, expired_leases_block_no_acquire},
        {"proxy_that_can_never_be_leased_twice", {"A-06", "L-05"}, {}, proxy_that_can_never_be_leased_twice},
    };
}

}  // namespace pharox::testkit
