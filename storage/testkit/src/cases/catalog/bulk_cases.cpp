// Many proxies in one call, and what becomes of those that are there already.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

std::vector<Proxy> stored_in(Context& context, const std::string& pool = "pool") {
    return context.catalog().list_proxies({.pool = pool, .limit = 10'000}).items;
}

std::vector<Proxy> new_proxies(Context& context, const ProxyPool& pool, int count) {
    std::vector<Proxy> proxies;
    for (int i = 0; i < count; ++i) {
        proxies.push_back(context.new_proxy(pool));
    }
    return proxies;
}

/// Another proxy with the same identity.
Proxy twin_of(Proxy proxy, const std::string& city) {
    proxy.id = ProxyId::make();
    proxy.city = city;
    return proxy;
}

void bulk_adds_any_number(Context& context) {
    const auto pool = context.add_pool();
    EXPECT_EQ(context.catalog().add_proxies({}).added, 0);
    auto proxies = new_proxies(context, pool, 3'000);
    proxies.back().city = "the last of 3,000";
    const auto result = context.catalog().add_proxies({.proxies = proxies});
    EXPECT_EQ(result.added, 3'000);
    EXPECT_EQ(result.skipped, 0);
    EXPECT_EQ(result.updated, 0);
    EXPECT_EQ(context.stats().total_proxies, 3'000);
    EXPECT_EQ(stored_in(context), proxies);
    EXPECT_EQ(context.find("pool", {.city = "the last of 3,000"}), proxies.back());
    EXPECT_TRUE(context.acquire({.pool = "pool", .filters = {.city = "the last of 3,000"}}));
}

void bulk_into_several_pools(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    const auto in_left = context.new_proxy(left);
    auto in_right = twin_of(in_left, "elsewhere");
    in_right.pool_id = right.id;
    EXPECT_EQ(context.catalog().add_proxies({.proxies = {in_left, in_right}}).added, 2);
    EXPECT_EQ(stored_in(context, "left"), std::vector{in_left});
    EXPECT_EQ(stored_in(context, "right"), std::vector{in_right});
}

void bulk_reject_leaves_nothing(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = context.add_proxies(pool, 2);
    auto fresh = new_proxies(context, pool, 20);
    const auto rejected = [&](const Proxy& last) {
        auto proxies = fresh;
        proxies.push_back(last);
        EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().add_proxies({.proxies = proxies}); }));
        EXPECT_EQ(stored_in(context), stored);
    };
    rejected(twin_of(stored[0], "same identity"));
    rejected(context.new_proxy(pool, [&](Proxy& it) { it.id = stored[1].id; }));
    rejected(twin_of(fresh[3], "same identity within the call"));
    rejected(context.new_proxy(pool, [&](Proxy& it) { it.id = fresh[4].id; }));
    EXPECT_EQ(context.catalog().add_proxies({.proxies = fresh}).added, 20) << "nothing was left behind";
}

void bulk_refusal_leaves_nothing(Context& context) {
    const auto pool = context.add_pool();
    for (const auto policy : {DuplicatePolicy::reject, DuplicatePolicy::skip, DuplicatePolicy::update}) {
        auto proxies = new_proxies(context, pool, 10);
        proxies[9].port = 70'000;
        expect_refused<ValidationError>(
            "port", [&] { context.catalog().add_proxies({.proxies = proxies, .on_duplicate = policy}); });
        proxies[9] = context.new_proxy(ProxyPool{.name = "unknown"});
        EXPECT_TRUE(thrown<PoolNotFoundError>(
            [&] { context.catalog().add_proxies({.proxies = proxies, .on_duplicate = policy}); }));
        EXPECT_TRUE(stored_in(context).empty());
    }
}

void bulk_skip_keeps_what_is_stored(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = context.add_proxies(pool, 2);
    const auto leased = context.lease(stored[0]);
    const auto fresh = context.new_proxy(pool);
    const auto result = context.catalog().add_proxies(
        {.proxies = {twin_of(stored[0], "twin"), fresh, twin_of(fresh, "twin within the call"),
                     context.new_proxy(pool, [&](Proxy& it) { it.id = stored[1].id; })},
         .on_duplicate = DuplicatePolicy::skip});
    EXPECT_EQ(result.added, 1);
    EXPECT_EQ(result.skipped, 3);
    EXPECT_EQ(result.updated, 0);
    auto wanted = stored;
    wanted.push_back(fresh);
    wanted[0].current_leases = 1;
    EXPECT_EQ(stored_in(context), wanted);
    EXPECT_TRUE(context.release(leased.lease()));
}

void bulk_update_keeps_id_and_counter(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = context.add_proxies(pool, 2, [](Proxy& it) { it.max_concurrency = 2; });
    const auto leased = context.lease(stored[0]);
    auto twin = twin_of(stored[0], "updated by identity");
    twin.current_leases = 17;
    auto same_id = context.new_proxy(pool, [&](Proxy& it) { it.id = stored[1].id; });
    same_id.city = "updated by id";
    const auto fresh = context.new_proxy(pool);
    const auto result = context.catalog().add_proxies(
        {.proxies = {twin, fresh, same_id}, .on_duplicate = DuplicatePolicy::update});
    EXPECT_EQ(result.added, 1);
    EXPECT_EQ(result.skipped, 0);
    EXPECT_EQ(result.updated, 2);
    twin.id = stored[0].id;
    twin.current_leases = 1;
    EXPECT_EQ(stored_in(context), (std::vector{twin, same_id, fresh}));
    EXPECT_TRUE(context.release(leased.lease()));
    EXPECT_EQ(context.leases_on(twin), 0);
}

void bulk_ignores_counters(Context& context) {
    const auto pool = context.add_pool();
    auto proxies = new_proxies(context, pool, 2);
    proxies[0].current_leases = 1;
    context.catalog().add_proxies({.proxies = proxies});
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_EQ(context.stats().available_proxies, 2);
}

}  // namespace

std::vector<Case> bulk_cases() {
    return {
        {"bulk_adds_any_number", {"C-09"}, {.catalog = true}, bulk_adds_any_number},
        {"bulk_into_several_pools", {"C-09", "C-04"}, {.catalog = true}, bulk_into_several_pools},
        {"bulk_reject_leaves_nothing", {"C-09"}, {.catalog = true}, bulk_reject_leaves_nothing},
        {"bulk_refusal_leaves_nothing",
         {"C-09", "C-05", "V-03"},
         {.catalog = true},
         bulk_refusal_leaves_nothing},
        {"bulk_skip_keeps_what_is_stored", {"C-10"}, {.catalog = true}, bulk_skip_keeps_what_is_stored},
        {"bulk_update_keeps_id_and_counter",
         {"C-11", "C-07"},
         {.catalog = true},
         bulk_update_keeps_id_and_counter},
        {"bulk_ignores_counters", {"C-07"}, {.catalog = true}, bulk_ignores_counters},
    };
}

}  // namespace pharox::testkit
