// Filters that are a caller's own function.
#include <stdexcept>

#include "cases/finding/found.hpp"
#include "runner/case.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

ProxyFilters where(ProxyFilters::Predicate predicate) {
    ProxyFilters filters;
    filters.predicate = std::move(predicate);
    return filters;
}

void predicate_decides(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 4);
    expect_found(context, where([&](const Proxy& it) { return it.id == proxies[2].id; }), {proxies[2]});
    expect_found(context, where([](const Proxy&) { return false; }), {});
    auto filters = where([&](const Proxy& it) { return it.id >= proxies[1].id; });
    filters.none_of = {{.country = "AR"}};
    expect_found(context, filters, {proxies[1], proxies[2], proxies[3]});
}

void predicate_stops_at_the_first_hit(Context& context) {
    const auto pool = context.add_pool();
    const auto slower = context.add_proxy(pool, [](Proxy& it) { it.latency_ms = 30; });
    const auto fastest = context.add_proxy(pool, [](Proxy& it) { it.latency_ms = 10; });
    const auto fast = context.add_proxy(pool, [](Proxy& it) { it.latency_ms = 20; });
    std::vector<ProxyId> asked;
    const auto filters = where([&](const Proxy& it) {
        asked.push_back(it.id);
        return it.id != fastest.id;
    });
    EXPECT_EQ(context.find("pool", filters, Selector::lowest_latency).value().id, fast.id) << slower;
    EXPECT_EQ(asked, (std::vector<ProxyId>{fastest.id, fast.id}))
        << "in the selector's order, to the first hit";
}

void predicate_gets_a_copy(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.tags = {"a"}; });
    int calls = 0;
    const auto found = context.find(
        "pool", where([&](const Proxy& it) {
            ++calls;
            EXPECT_EQ(it, proxy);
            context.lease(it);
            EXPECT_EQ(it, proxy) << "a change of the copy that a predicate gets does not affect the store";
            return false;
        }));
    EXPECT_FALSE(found);
    EXPECT_EQ(calls, 1);
}

void predicate_may_call_the_storage(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3);
    context.add_proxy(context.add_pool("other"));
    const auto filters = where([&](const Proxy& it) {
        const auto leased = context.store().acquire({.pool = "other", .consumer = "worker"});
        EXPECT_TRUE(leased);
        context.add_consumer("met in " + it.host);
        EXPECT_EQ(context.stats("other").total_leases, 1);
        EXPECT_TRUE(context.find("pool"));
        EXPECT_TRUE(context.release(leased.lease()));
        return it.id == proxies[1].id;
    });
    EXPECT_EQ(context.find("pool", filters).value().id, proxies[1].id);
    const auto acquired = context.acquire({.pool = "pool", .filters = filters});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.proxy().id, proxies[1].id);
    EXPECT_FALSE(context.acquire({.pool = "pool", .filters = filters}));
}

/// For stores that read candidates page by page: later ones move up when earlier ones are removed.
void proxies_before_it_go_while_the_predicate_looks(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 132);
    for (const std::size_t page : {16U, 32U, 50U, 64U, 100U, 128U}) {
        for (const std::size_t place : {page, page + 1}) {
            std::vector<Lease> others;
            const auto filters = where([&](const Proxy& it) {
                for (; others.size() < 2; others.push_back(context.lease(proxies[others.size()]).lease())) {
                }
                return it.id == proxies[place].id;
            });
            const auto acquired = context.acquire({.pool = "pool", .filters = filters});
            ASSERT_TRUE(acquired) << place << ": it was free all the time";
            EXPECT_EQ(acquired.proxy().id, proxies[place].id);
            EXPECT_TRUE(context.release(acquired.lease()));
            for (const Lease& other : others) EXPECT_TRUE(context.release(other));
        }
    }
}

void predicate_that_loses_its_choice(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    bool taken = false;
    // A store that calls predicates outside its locks must check again: the accepted proxy is leased before
    // the answer is in.
    const auto acquired = context.acquire({.pool = "pool", .filters = where([&](const Proxy& it) {
                                                               if (!taken) {
                                                                   taken = true;
                                                                   context.lease(it);
                                                               }
                                                               return true;
                                                           })});
    ASSERT_TRUE(acquired) << "one proxy was free all the time";
    EXPECT_EQ(context.stats().total_leases, 2);
    EXPECT_EQ(context.stats().leased_proxies, 2);
}

/// The lease with the requested id is created while the predicate runs: by an earlier call of the same
/// caller.
void id_that_is_used_while_the_predicate_runs(Context& context) {
    context.add_proxy(context.add_pool());
    context.add_proxy(context.add_pool("roomy"), [](Proxy& it) { it.max_concurrency = 9; });
    for (const std::string pool : {"pool", "roomy"}) {
        const auto id = LeaseId::make();
        std::optional<AcquireResult> first;
        const auto second = context.acquire({.pool = pool,
                                             .filters = where([&](const Proxy&) {
                                                 if (!first) {
                                                     first = context.acquire({.pool = pool, .lease_id = id});
                                                 }
                                                 return true;
                                             }),
                                             .lease_id = id});
        ASSERT_TRUE(second) << pool;
        EXPECT_TRUE(second.replayed) << pool;
        EXPECT_EQ(second.lease(), first.value().lease());
        EXPECT_EQ(context.stats(pool).total_leases, 1);
    }
}

void time_that_passes_while_the_predicate_runs(Context& context) {
    context.add_proxy(context.add_pool());
    const auto acquired = context.acquire({.pool = "pool", .filters = where([&](const Proxy&) {
                                                               context.clock().advance(5s);
                                                               return true;
                                                           })});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.lease().acquired_at, context.clock().now()) << "the lease is made after it";
}

void proxy_that_is_shared_while_the_predicate_runs(Context& context) {
    context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    int asked = 0;
    const auto acquired = context.acquire({.pool = "pool", .filters = where([&](const Proxy& it) {
                                                               if (++asked < 50) context.lease(it);
                                                               return true;
                                                           })});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(asked, 1) << "another lease on the proxy is no reason to refuse it";
    EXPECT_EQ(acquired.proxy().current_leases, 2);
}

void proxy_that_changes_while_the_predicate_runs(Context& context) {
    context.add_proxy(context.add_pool());
    bool changed = false;
    const auto acquired = context.acquire({.pool = "pool", .filters = where([&](const Proxy& it) {
                                                               if (!changed) {
                                                                   changed = true;
                                                                   Proxy other = it;
                                                                   other.city = "Lima";
                                                                   context.catalog().update_proxy(other);
                                                               }
                                                               return true;
                                                           })});
    ASSERT_TRUE(acquired) << "it still fits after the change";
    EXPECT_EQ(acquired.proxy().city, "Lima");
    // It no longer fits: another process moved it to Quito after the predicate had accepted it.
    EXPECT_TRUE(context.release(acquired.lease()));
    ProxyFilters in_lima = where([&](const Proxy& it) {
        Proxy other = it;
        other.city = "Quito";
        context.catalog().update_proxy(other);
        return true;
    });
    in_lima.city = "Lima";
    EXPECT_FALSE(context.acquire({.pool = "pool", .filters = in_lima})) << "leased a proxy in Quito";
}

void pool_that_goes_while_the_predicate_runs(Context& context) {
    context.add_consumer("worker");
    for (const bool answer : {false, true}) {
        context.add_proxies(context.add_pool(), 2);
        bool asked = false;
        const auto result =
            context.acquire({.pool = "pool", .filters = where([&](const Proxy&) {
                                                 if (!asked) {
                                                     asked = true;
                                                     context.catalog().remove_pool("pool", true);
                                                 }
                                                 return answer;
                                             })});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.miss(), Miss::pool_unknown);
    }
}

void predicate_under_composites(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](const char* country, const char* city, const char* host) {
        return context.add_proxy(pool, [&](Proxy& it) {
            it.country = country;
            it.city = city;
            it.host = host;
        });
    };
    const auto first = with("AR", "Cordoba", "10.1.0.10");
    const auto second = with("BR", "Rio", "10.1.0.20");
    const auto third = with("BR", "Forbidden", "10.1.1.20");
    const auto ends_with_20 = where([](const Proxy& it) { return it.host.ends_with(".20"); });
    auto brazilian = ends_with_20;
    brazilian.country = "BR";
    auto mixed = ends_with_20;
    mixed.any_of = {{.country = "AR"}, {.all_of = {{.country = "BR"}}}};
    mixed.none_of = {{.city = "Forbidden"}};
    expect_found(context, mixed, {second});
    expect_found(context, {.any_of = {ends_with_20, {.country = "AR"}}}, {first, second, third});
    expect_found(context, {.all_of = {ends_with_20, {.city = "Rio"}}}, {second});
    expect_found(context, {.none_of = {ends_with_20}}, {first});
    // Only what fits country and predicate is excluded: the predicate is part of the child.
    expect_found(context, {.none_of = {brazilian}}, {first});
    brazilian.predicate = [](const Proxy& it) { return it.city == "Rio"; };
    expect_found(context, {.none_of = {brazilian}}, {first, third});
    expect_found(context, {.none_of = {{.none_of = {brazilian}}}}, {second});
    expect_found(context, {.none_of = {{.any_of = {brazilian, {.country = "AR"}}}}}, {third});
}

void predicate_that_throws(Context& context) {
    context.add_proxy(context.add_pool());
    const auto filters = where([](const Proxy&) -> bool { throw std::out_of_range("mine"); });
    EXPECT_THROW(context.find("pool", filters), std::out_of_range);
    EXPECT_THROW(context.acquire({.pool = "pool", .filters = filters}), std::out_of_range);
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_TRUE(context.acquire({.pool = "pool"})) << "the store goes on";
}

}  // namespace

std::vector<Case> predicate_cases() {
    return {
        {"predicate_decides", {"X-12", "X-15"}, {}, predicate_decides},
        {"predicate_stops_at_the_first_hit", {"X-12"}, {}, predicate_stops_at_the_first_hit},
        {"predicate_gets_a_copy", {"X-12", "F-07"}, {}, predicate_gets_a_copy},
        {"predicate_may_call_the_storage", {"X-12"}, {}, predicate_may_call_the_storage},
        {"predicate_that_loses_its_choice", {"X-12", "A-06"}, {}, predicate_that_loses_its_choice},
        {"id_that_is_used_while_the_predicate_runs",
         {"I-02", "I-03", "X-12"},
         {.replays = true},
         id_that_is_used_while_the_predicate_runs},
        {"time_that_passes_while_the_predicate_runs",
         {"L-01", "X-12"},
         {.test_clock = true},
         time_that_passes_while_the_predicate_runs},
        {"proxy_that_is_shared_while_the_predicate_runs",
         {"X-12"},
         {},
         proxy_that_is_shared_while_the_predicate_runs},
        {"proxy_that_changes_while_the_predicate_runs",
         {"A-01", "A-06", "X-12"},
         {.catalog = true},
         proxy_that_changes_while_the_predicate_runs},
        {"pool_that_goes_while_the_predicate_runs",
         {"A-02", "X-12"},
         {.catalog = true},
         pool_that_goes_while_the_predicate_runs},
        {"proxies_before_it_go_while_the_predicate_looks",
         {"A-06", "F-06", "X-12"},
         {},
         proxies_before_it_go_while_the_predicate_looks},
        {"predicate_under_composites", {"X-13"}, {}, predicate_under_composites},
        {"predicate_that_throws", {"X-12"}, {}, predicate_that_throws},
    };
}

}  // namespace pharox::testkit
