// Limits and statuses that change while leases run.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

Proxy changed(Context& context, Proxy proxy, const Edit& edit) {
    edit(proxy);
    return context.catalog().update_proxy(proxy);
}

void lowered_limit_lets_leases_run(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 3; });
    const std::vector<LeasedProxy> held{context.lease(proxy), context.lease(proxy), context.lease(proxy)};
    changed(context, proxy, [](Proxy& it) { it.max_concurrency = 1; });
    EXPECT_EQ(context.stats().total_leases, 3);
    EXPECT_EQ(context.leases_on(proxy), 3);
    for (const auto& leased : held) {
        EXPECT_FALSE(context.find("pool"));
        EXPECT_FALSE(context.acquire({.pool = "pool"}));
        EXPECT_TRUE(thrown<ProxyUnavailableError>([&] { context.lease(proxy); }));
        EXPECT_EQ(context.stats().available_proxies, 0);
        EXPECT_TRUE(context.release(leased.lease()));
    }
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
}

void raised_limit_frees_slots(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    context.lease(proxy);
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    changed(context, proxy, [](Proxy& it) { it.max_concurrency = 2; });
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    changed(context, proxy, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
    EXPECT_EQ(context.leases_on(proxy), 3);
}

void changed_status_lets_leases_run(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 5; });
    for (const auto status : {ProxyStatus::inactive, ProxyStatus::slow, ProxyStatus::banned}) {
        SCOPED_TRACE(status);
        const auto held = context.lease(proxy);
        changed(context, proxy, [&](Proxy& it) { it.status = status; });
        EXPECT_FALSE(context.find("pool"));
        EXPECT_FALSE(context.acquire({.pool = "pool"}));
        EXPECT_TRUE(thrown<ProxyUnavailableError>([&] { context.lease(proxy); }));
        const auto stats = context.stats();
        EXPECT_EQ(stats.total_leases, 1);
        EXPECT_EQ(stats.leased_proxies, 1);
        EXPECT_EQ(stats.active_proxies, 0);
        if (context.has_control()) {
            EXPECT_TRUE(context.control().renew_lease({.lease_id = held.lease().id}).renewed);
        }
        EXPECT_TRUE(context.release(held.lease()));
        EXPECT_EQ(context.stats().total_leases, 0);
        changed(context, proxy, [](Proxy& it) { it.status = ProxyStatus::active; });
    }
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
}

void activated_proxy_is_leased(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.status = ProxyStatus::inactive; });
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    changed(context, proxy, [](Proxy& it) { it.status = ProxyStatus::active; });
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
}

}  // namespace

std::vector<Case> limit_cases() {
    return {
        {"lowered_limit_lets_leases_run", {"L-09", "C-07"}, {.catalog = true}, lowered_limit_lets_leases_run},
        {"raised_limit_frees_slots", {"L-05", "L-08"}, {.catalog = true}, raised_limit_frees_slots},
        {"changed_status_lets_leases_run",
         {"L-09", "L-04"},
         {.catalog = true},
         changed_status_lets_leases_run},
        {"activated_proxy_is_leased", {"L-04", "F-03"}, {.catalog = true}, activated_proxy_is_leased},
    };
}

}  // namespace pharox::testkit
