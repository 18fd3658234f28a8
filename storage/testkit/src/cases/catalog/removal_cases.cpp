// Removing pools, proxies and consumers, and what becomes of their leases.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void expect_revoked(Context& context, const Lease& lease) {
    const auto result = context.store().release_lease({.lease_id = lease.id});
    EXPECT_FALSE(result.released);
    ASSERT_TRUE(result.lease) << "records of leases stay";
    EXPECT_EQ(result.lease->status, LeaseStatus::released);
    EXPECT_EQ(result.lease->release_reason, ReleaseReason::revoked);
    ASSERT_TRUE(result.lease->released_at);
    EXPECT_GE(*result.lease->released_at, lease.acquired_at);
    EXPECT_EQ(result.lease->pool_name, lease.pool_name);
    if (context.has_control()) {
        EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}), result.lease);
        EXPECT_FALSE(context.control().renew_lease({.lease_id = lease.id}).renewed);
    }
}

void proxy_with_leases_stays(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 2; });
    const auto leased = context.lease(proxy);
    EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().remove_proxy(proxy.id, false); }));
    EXPECT_EQ(context.leases_on(proxy), 1);
    EXPECT_TRUE(context.release(leased.lease()));
    const auto result = context.catalog().remove_proxy(proxy.id, false);
    EXPECT_TRUE(result.removed);
    EXPECT_EQ(result.revoked_leases, 0);
    EXPECT_EQ(context.catalog().get_proxy(proxy.id), std::nullopt);
}

void forced_removal_revokes(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 3; });
    const auto other = context.add_proxy(pool);
    const auto first = context.lease(proxy);
    const auto second = context.lease(proxy);
    const auto kept = context.lease(other);
    const auto result = context.catalog().remove_proxy(proxy.id, true);
    EXPECT_TRUE(result.removed);
    EXPECT_EQ(result.revoked_leases, 2);
    expect_revoked(context, first.lease());
    expect_revoked(context, second.lease());
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.stats().total_proxies, 1);
    EXPECT_TRUE(thrown<ProxyNotFoundError>([&] { context.lease(proxy); }));
    EXPECT_TRUE(context.release(kept.lease()));
}

void removed_identity_is_free(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto ended = context.lease(proxy);
    EXPECT_TRUE(context.release(ended.lease()));
    EXPECT_TRUE(context.catalog().remove_proxy(proxy.id, false).removed);
    EXPECT_FALSE(context.find("pool"));
    EXPECT_EQ(context.catalog().add_proxy(proxy), proxy);
    EXPECT_FALSE(context.release(ended.lease()))
        << "a lease of the removed proxy does not change the count of the new one";
    EXPECT_EQ(context.lease(proxy).proxy().current_leases, 1);
}

void pool_with_leases_stays(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    const auto leased = context.lease(proxies[0]);
    EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().remove_pool("pool", false); }));
    EXPECT_EQ(context.stats().total_proxies, 2);
    const auto result = context.catalog().remove_pool("pool", true);
    EXPECT_TRUE(result.removed);
    EXPECT_EQ(result.revoked_leases, 1);
    expect_revoked(context, leased.lease());
    EXPECT_EQ(context.catalog().get_pool("pool"), std::nullopt);
    EXPECT_EQ(context.catalog().get_proxy(proxies[0].id), std::nullopt) << "its proxies went with it";
    EXPECT_EQ(context.catalog().get_proxy(proxies[1].id), std::nullopt);
    EXPECT_EQ(context.store().get_pool_stats({.pool = "pool"}), std::nullopt);
    EXPECT_EQ(context.acquire({.pool = "pool"}).miss(), Miss::pool_unknown);
}

void removed_pool_name_is_free(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    EXPECT_TRUE(context.catalog().remove_pool("pool", false).removed);
    const auto again = context.add_pool();
    EXPECT_EQ(context.stats().total_proxies, 0);
    EXPECT_NO_THROW(context.add_proxy(again, [&](Proxy& it) { it.host = proxy.host; }));
    EXPECT_TRUE(
        thrown<PoolNotFoundError>([&] { context.catalog().update_pool({.id = pool.id, .name = "x"}); }));
    EXPECT_TRUE(thrown<PoolNotFoundError>([&] { context.add_proxy(pool); })) << "its id is not known";
    EXPECT_NO_THROW(context.catalog().add_pool({.id = pool.id, .name = "the same id"}));
}

void consumer_with_leases_stays(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 3; });
    const auto leased = context.lease(proxy);
    context.add_consumer("other");
    const auto kept = context.store().create_lease({.proxy_id = proxy.id, .consumer = "other"});
    EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().remove_consumer("worker", false); }));
    EXPECT_TRUE(context.catalog().get_consumer("worker"));
    const auto id = context.catalog().get_consumer("worker").value().id;
    const auto result = context.catalog().remove_consumer("worker", true);
    EXPECT_TRUE(result.removed);
    EXPECT_EQ(result.revoked_leases, 1);
    expect_revoked(context, leased.lease());
    EXPECT_EQ(context.leases_on(proxy), 1);
    EXPECT_TRUE(thrown<ConsumerNotFoundError>([&] { context.lease(proxy); }));
    EXPECT_TRUE(context.release(kept.lease()));
    EXPECT_TRUE(context.catalog().remove_consumer("other", false).removed);
    const Consumer again{.id = id, .name = "again"};
    EXPECT_EQ(context.catalog().add_consumer(again), again)
        << "the id of a removed consumer can be used again";
}

void expired_leases_block_no_removal(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    const auto first = context.lease(proxies[0], context.short_time());
    const auto second = context.lease(proxies[1], context.short_time());
    context.expire("pool", context.short_time());
    const auto removed = context.catalog().remove_proxy(proxies[0].id, false);
    EXPECT_TRUE(removed.removed);
    EXPECT_EQ(removed.revoked_leases, 0);
    EXPECT_EQ(context.store().release_lease({.lease_id = first.lease().id}).lease,
              as_of(first.lease(), first.lease().expires_at));
    EXPECT_TRUE(context.catalog().remove_consumer("worker", false).removed);
    EXPECT_TRUE(context.catalog().remove_pool("pool", false).removed);
    EXPECT_EQ(context.store().release_lease({.lease_id = second.lease().id}).lease,
              as_of(second.lease(), second.lease().expires_at));
}

void removing_nothing_answers_no(Context& context) {
    context.add_proxy(context.add_pool());
    for (const bool force : {false, true}) {
        EXPECT_FALSE(context.catalog().remove_pool("elsewhere", force).removed);
        EXPECT_FALSE(context.catalog().remove_proxy(ProxyId::make(), force).removed);
        EXPECT_FALSE(context.catalog().remove_consumer("unknown", force).removed);
    }
    EXPECT_EQ(context.stats().total_proxies, 1);
}

}  // namespace

std::vector<Case> removal_cases() {
    return {
        {"proxy_with_leases_stays", {"C-14"}, {.catalog = true}, proxy_with_leases_stays},
        {"forced_removal_revokes", {"C-14", "C-15"}, {.catalog = true}, forced_removal_revokes},
        {"removed_identity_is_free", {"C-15", "R-02"}, {.catalog = true}, removed_identity_is_free},
        {"pool_with_leases_stays", {"C-14", "C-15"}, {.catalog = true}, pool_with_leases_stays},
        {"removed_pool_name_is_free", {"C-15"}, {.catalog = true}, removed_pool_name_is_free},
        {"consumer_with_leases_stays", {"C-14", "C-15"}, {.catalog = true}, consumer_with_leases_stays},
        {"expired_leases_block_no_removal",
         {"C-14", "E-04"},
         {.catalog = true},
         expired_leases_block_no_removal},
        {"removing_nothing_answers_no", {"C-16"}, {.catalog = true}, removing_nothing_answers_no},
    };
}

}  // namespace pharox::testkit
