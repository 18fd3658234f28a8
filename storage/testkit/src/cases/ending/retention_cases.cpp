// How long leases that ended are remembered.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void ended_leases_are_remembered_for_a_while(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 2);
    const auto released = context.acquire({.pool = "pool"}).lease();
    const auto expired = context.acquire({.pool = "pool", .duration = 10s}).lease();
    EXPECT_TRUE(context.release(released));
    context.clock().advance(10min - 1ms);
    context.cleanup();
    for (const auto& lease : {released, expired}) {
        EXPECT_EQ(context.acquire({.pool = "pool", .lease_id = lease.id}).miss(), Miss::lease_ended);
        EXPECT_TRUE(context.store().release_lease({.lease_id = lease.id}).lease);
    }
}

void ended_leases_are_forgotten(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    const auto kept = context.lease(proxy, max_lease_duration);
    const auto released = context.lease(proxy);
    const auto expired = context.lease(proxy, 10s);
    EXPECT_TRUE(context.release(released.lease()));
    const auto retention = *context.properties().retention;
    const auto remembers = [&](const LeasedProxy& leased) {
        return context.store().release_lease({.lease_id = leased.lease().id}).lease.has_value();
    };
    // A store may forget in small steps, but each clean-up takes one.
    const auto forgets = [&](const LeasedProxy& leased) {
        for (int i = 0; i < 100 && remembers(leased); ++i) {
            context.cleanup();
        }
        return !remembers(leased);
    };
    context.clock().advance(retention - 1ms);
    EXPECT_TRUE(remembers(released));
    EXPECT_TRUE(remembers(expired));
    context.clock().advance(1ms);
    EXPECT_TRUE(forgets(released));
    EXPECT_TRUE(remembers(expired)) << "it ended 10 s later";
    context.clock().advance(10s);
    EXPECT_TRUE(forgets(expired));
    EXPECT_EQ(context.stats().total_leases, 1) << "active ones stay, however old";
    EXPECT_TRUE(context.release(kept.lease()));
    EXPECT_TRUE(context.acquire({.pool = "pool", .lease_id = released.lease().id})) << "the id is free again";
}

void ended_leases_are_bounded(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    constexpr std::size_t surplus = 5;
    const std::size_t most = *context.properties().retained_leases;
    const Timestamp first_end = context.clock().now();
    std::vector<LeaseId> ended;
    for (std::size_t i = 0; i < most + surplus; ++i) {
        const auto lease = context.lease(proxy).lease();
        EXPECT_TRUE(context.release(lease));
        ended.push_back(lease.id);
        context.clock().advance(1ms);
    }
    const auto expect_remembered_from = [&](std::size_t first) {
        for (int i = 0; i < 100; ++i) context.cleanup();  // a store may forget in small steps
        for (std::size_t i = 0; i < ended.size(); ++i) {
            EXPECT_EQ(context.store().release_lease({.lease_id = ended[i]}).lease.has_value(), i >= first)
                << i << " of " << ended.size();
        }
    };
    context.clock().set(first_end + 10min - 1ms);
    expect_remembered_from(0);
    context.clock().set(first_end + 10min);
    expect_remembered_from(1);
    context.clock().set(first_end + 11min);
    expect_remembered_from(surplus);
}

}  // namespace

std::vector<Case> retention_cases() {
    return {
        {"ended_leases_are_remembered_for_a_while",
         {"O-01", "I-04"},
         {.test_clock = true, .replays = true},
         ended_leases_are_remembered_for_a_while},
        {"ended_leases_are_forgotten",
         {"O-02"},
         {.test_clock = true, .retention = true, .replays = true},
         ended_leases_are_forgotten},
        {"ended_leases_are_bounded",
         {"O-03", "O-01"},
         {.test_clock = true, .retained_leases = true, .replays = true},
         ended_leases_are_bounded},
    };
}

}  // namespace pharox::testkit
