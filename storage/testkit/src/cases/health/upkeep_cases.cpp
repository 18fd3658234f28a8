// Upkeep: ping, audit, repair.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void ping_is_silent(Context& context) {
    EXPECT_NO_THROW(context.maintenance().ping());
    context.lease(context.add_proxy(context.add_pool()));
    EXPECT_NO_THROW(context.maintenance().ping());
    EXPECT_EQ(context.stats().total_leases, 1);
}

void audit_of_a_sound_store(Context& context) {
    const auto expect = [&](std::int64_t proxies, std::int64_t leases) {
        for (const bool repair : {false, true}) {
            const auto result = repair ? context.maintenance().repair() : context.maintenance().audit();
            EXPECT_EQ(result.proxies, proxies);
            EXPECT_EQ(result.leases, leases);
            EXPECT_TRUE(result.mismatches.empty());
        }
    };
    expect(0, 0);
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3, [](Proxy& it) { it.max_concurrency = 3; });
    context.add_proxy(context.add_pool("other"));
    expect(4, 0);
    const auto kept = context.lease(proxies[0]);
    const auto released = context.lease(proxies[0]);
    context.lease(proxies[1], context.short_time());
    expect(4, 3);
    EXPECT_TRUE(context.release(released.lease()));
    expect(4, 2);
    context.expire("pool", context.short_time(), 1);
    expect(4, 1);  // not collected yet: it counts no more
    context.cleanup();
    expect(4, 1);
    EXPECT_TRUE(context.release(kept.lease()));
    expect(4, 0);
    EXPECT_EQ(context.stats().available_proxies, 3);
}

void wrong_counters_are_found_and_repaired(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3, [](Proxy& it) { it.max_concurrency = 2; });
    context.lease(proxies[0]);
    const auto spoil = [&](const Proxy& proxy, int counter) {
        context.properties().break_counter(context.store(), context.setup(), proxy.id, counter);
    };
    spoil(proxies[0], 0);
    spoil(proxies[2], 2);
    const std::vector<CounterMismatch> wrong{
        {.proxy_id = proxies[0].id, .pool = "pool", .counter = 0, .active_leases = 1},
        {.proxy_id = proxies[2].id, .pool = "pool", .counter = 2, .active_leases = 0}};
    EXPECT_EQ(context.maintenance().audit().mismatches, wrong);
    EXPECT_EQ(context.maintenance().audit().mismatches, wrong) << "an audit changes nothing";
    const auto repaired = context.maintenance().repair();
    EXPECT_EQ(repaired.mismatches, wrong);
    EXPECT_EQ(repaired.proxies, 3);
    EXPECT_EQ(repaired.leases, 1);
    EXPECT_TRUE(context.maintenance().audit().mismatches.empty());
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.stats().available_proxies, 3);
}

}  // namespace

std::vector<Case> upkeep_cases() {
    return {
        {"ping_is_silent", {"U-01"}, {.maintenance = true}, ping_is_silent},
        {"audit_of_a_sound_store", {"U-02"}, {.maintenance = true}, audit_of_a_sound_store},
        {"wrong_counters_are_found_and_repaired",
         {"U-03"},
         {.maintenance = true, .broken_counter = true},
         wrong_counters_are_found_and_repaired},
    };
}

}  // namespace pharox::testkit
