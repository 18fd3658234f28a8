// Properties of the in-memory storage; pharox::testkit checks the contract itself.
#include "pharox/storage/in_memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pharox/manager/bootstrap.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::LeaseId;
using pharox::Miss;

class InMemory : public testing::Test {
  protected:
    InMemory() { memory.ensure_consumer({.name = "default"}); }
    pharox::Proxy add_proxy(int port, std::optional<int> limit = 1) {
        return bootstrap_proxy(memory, pool, {.host = "10.0.0.1", .port = port, .max_concurrency = limit});
    }
    std::optional<pharox::Lease> record(LeaseId id) {
        return memory.lease_control()->get_lease({.lease_id = id});
    }
    pharox::PoolStatsSnapshot stats() { return memory.get_pool_stats({.pool = "p"}).value(); }

    std::shared_ptr<pharox::ManualClock> clock = std::make_shared<pharox::ManualClock>();
    pharox::InMemoryStorage memory{{.clock = clock, .retention = 10min}};
    pharox::ProxyPool pool = bootstrap_pool(memory, {.name = "p"});
};

TEST_F(InMemory, OptionsAreRefusedWhenWrong) {
    EXPECT_EQ(refusal_of([] { return pharox::InMemoryStorage({.clock = nullptr}), 0; }),
              "clock |  | is null");
    EXPECT_EQ(refusal_of([] { return pharox::InMemoryStorage({.retention = 10min - 1ms}), 0; }),
              "retention_ms | 599999 | is below 600000 (10 minutes)");
    EXPECT_EQ(refusal_of([] { return pharox::InMemoryStorage({.health_records_per_proxy = 0}), 0; }),
              "health_records_per_proxy | 0 | is below 1");
}

TEST_F(InMemory, EndedLeasesAreRememberedForTheRetention) {
    add_proxy(80, std::nullopt);
    const auto released = memory.acquire({.pool = "p"}).lease();
    const auto expired = memory.acquire({.pool = "p", .duration = 1s}).lease();
    memory.release_lease({.lease_id = released.id});
    clock->advance(10min - 1us);
    EXPECT_EQ(record(released.id)->release_reason, pharox::ReleaseReason::released);
    EXPECT_EQ(memory.acquire({.pool = "p", .lease_id = released.id}).miss(), Miss::lease_ended);
    clock->advance(1us);
    EXPECT_FALSE(record(released.id));
    EXPECT_TRUE(record(expired.id)) << "it ended a second later";
    EXPECT_FALSE(memory.release_lease({.lease_id = released.id}).lease);
    EXPECT_TRUE(memory.acquire({.pool = "p", .lease_id = released.id}));
    clock->advance(1s);
    EXPECT_FALSE(record(expired.id));
}

TEST_F(InMemory, AnExpiryIsReportedAfterItsRecordWasDeleted) {
    add_proxy(80);
    const auto lease = memory.acquire({.pool = "p", .duration = 1s}).lease();
    clock->advance(1h);
    EXPECT_FALSE(record(lease.id));
    const auto collected = memory.cleanup_expired_leases({.collect = true});
    EXPECT_EQ(collected.count, 1);
    EXPECT_EQ(collected.leases.at(0), pharox::as_of(lease, clock->now()));
    EXPECT_EQ(memory.cleanup_expired_leases({}).count, 0);
}

TEST_F(InMemory, TheLongestRetentionKeepsAll) {
    pharox::InMemoryStorage keeper({.clock = clock, .retention = std::chrono::days(3'650)});
    keeper.ensure_consumer({.name = "default"});
    bootstrap_proxy(keeper, bootstrap_pool(keeper, {.name = "p"}), {.host = "10.0.0.1", .port = 80});
    const auto lease = keeper.acquire({.pool = "p"}).lease();
    keeper.release_lease({.lease_id = lease.id});
    clock->advance(std::chrono::days(3'649));
    EXPECT_TRUE(keeper.lease_control()->get_lease({.lease_id = lease.id}));
}

TEST_F(InMemory, ItsNowNeverRunsBackwards) {
    add_proxy(80);
    const auto first = memory.acquire({.pool = "p", .duration = 10s}).lease();
    clock->advance(-1h);
    EXPECT_EQ(stats().collected_at, first.acquired_at);
    memory.release_lease({.lease_id = first.id});
    EXPECT_EQ(record(first.id)->released_at, first.acquired_at);
    const auto second = memory.acquire({.pool = "p", .duration = 10s}).lease();
    EXPECT_EQ(second.acquired_at, first.acquired_at);
    EXPECT_GT(second.fencing_token, first.fencing_token);
    clock->set(first.acquired_at + 9s);
    EXPECT_EQ(memory.cleanup_expired_leases({}).count, 0);
    clock->set(first.acquired_at + 10s);
    EXPECT_EQ(memory.cleanup_expired_leases({}).count, 1);
    clock->set(pharox::Timestamp{});
    EXPECT_EQ(record(second.id)->status, pharox::LeaseStatus::released) << "an ended lease stays ended";
}

TEST_F(InMemory, ExpiresByASteadyClockByDefault) {
    pharox::InMemoryStorage own;
    own.ensure_consumer({.name = "default"});
    bootstrap_proxy(own, bootstrap_pool(own, {.name = "p"}),
                    {.host = "10.0.0.1", .port = 80, .max_concurrency = 1});
    const auto before = pharox::current_time();
    const auto lease = own.acquire({.pool = "p", .duration = 1ms}).lease();
    EXPECT_GE(lease.acquired_at, before - 10s);
    EXPECT_LE(lease.acquired_at, pharox::current_time() + 10s);
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!own.acquire({.pool = "p"})) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

// ---- Predicates, which run unlocked

TEST_F(InMemory, APredicateMayCallTheStorage) {
    add_proxy(80);
    add_proxy(81);
    int seen = 0;
    const auto result =
        memory.acquire({.pool = "p", .filters = {.predicate = [&](const pharox::Proxy& proxy) {
                                         ++seen;
                                         memory.ensure_consumer({.name = "made by a predicate"});
                                         return memory.catalog()->get_proxy(proxy.id)->port == 80 &&
                                                stats().total_proxies == 2;
                                     }}});
    ASSERT_TRUE(result);
    EXPECT_EQ(result.proxy().port, 80);
    EXPECT_LE(seen, 2);
}

TEST_F(InMemory, APredicateStopsAtTheFirstHit) {
    for (int port = 1; port <= 10; ++port) add_proxy(port);
    int seen = 0;
    EXPECT_TRUE(
        memory
            .find_available_proxy(
                {.pool = "p", .filters = {.predicate = [&](const pharox::Proxy&) { return ++seen == 3; }}})
            .proxy);
    EXPECT_EQ(seen, 3);
}

TEST_F(InMemory, ExceptionsOfPredicatesReachTheCallerAndLeaseNothing) {
    add_proxy(80);
    const pharox::AcquireRequest request{
        .pool = "p",
        .filters = {.predicate = [](const pharox::Proxy&) -> bool { throw std::domain_error("mine"); }}};
    EXPECT_THROW(memory.acquire(request), std::domain_error);
    EXPECT_EQ(stats().total_leases, 0);
    EXPECT_TRUE(memory.acquire({.pool = "p"})) << "and leaves nothing locked";
}

TEST_F(InMemory, AnotherMayBeFasterWhileAPredicateRuns) {
    add_proxy(80);
    bool taken = false;
    const pharox::AcquireRequest request{.pool = "p", .filters = {.predicate = [&](const pharox::Proxy&) {
                                                          if (!taken)
                                                              taken = bool(memory.acquire({.pool = "p"}));
                                                          return true;
                                                      }}};
    EXPECT_FALSE(memory.acquire(request));
    EXPECT_EQ(stats().total_leases, 1);
}

TEST_F(InMemory, ProxiesThatChangedWhileAPredicateRanAreCheckedAgain) {
    auto proxy = add_proxy(80);
    int seen = 0;
    const pharox::AcquireRequest request{.pool = "p",
                                         .filters = {.predicate = [&](const pharox::Proxy& copy) {
                                             if (++seen == 1) {
                                                 proxy.country = "BR";
                                                 memory.catalog()->update_proxy(proxy);
                                             }
                                             return !copy.country;
                                         }}};
    EXPECT_FALSE(memory.acquire(request)) << "it matched when the predicate ran, not when it was picked";
    EXPECT_EQ(seen, 2);
}

TEST_F(InMemory, AProxyOrPoolMayBeRemovedWhileAPredicateRuns) {
    const auto first = add_proxy(80);
    EXPECT_EQ(memory
                  .acquire({.pool = "p",
                            .filters = {.predicate =
                                            [&](const pharox::Proxy&) {
                                                memory.catalog()->remove_proxy(first.id, true);
                                                return true;
                                            }}})
                  .miss(),
              Miss::nothing_matches);
    add_proxy(81);
    EXPECT_EQ(memory
                  .acquire({.pool = "p",
                            .filters = {.predicate =
                                            [&](const pharox::Proxy&) {
                                                memory.catalog()->remove_pool("p", true);
                                                return true;
                                            }}})
                  .miss(),
              Miss::pool_unknown);
}

TEST_F(InMemory, TheSameIdGetsOneLeaseThoughAPredicateRanInBetween) {
    add_proxy(80, 5);
    const LeaseId id = LeaseId::make();
    bool inside = false;
    const auto outer = memory.acquire({.pool = "p",
                                       .filters = {.predicate =
                                                       [&](const pharox::Proxy&) {
                                                           if (!inside) {
                                                               inside = true;
                                                               memory.acquire({.pool = "p", .lease_id = id});
                                                           }
                                                           return true;
                                                       }},
                                       .lease_id = id});
    ASSERT_TRUE(outer);
    EXPECT_TRUE(outer.replayed);
    EXPECT_EQ(outer.lease(), *record(id));
    EXPECT_EQ(stats().total_leases, 1);
    EXPECT_TRUE(memory.release_lease({.lease_id = id}).released);
    EXPECT_EQ(stats().total_leases, 0);
    clock->advance(1h);
    EXPECT_EQ(memory.cleanup_expired_leases({}).count, 0) << "no deadline remains";
}

TEST_F(InMemory, ConcurrentPredicatesKeepTheLimits) {
    constexpr int limit = 3;
    for (int port = 1; port <= 4; ++port) add_proxy(port, limit);
    std::atomic<int> hits{0};
    std::atomic<bool> over{false};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&, i] {
                for (int round = 0; round < 200; ++round) {
                    const auto result = memory.acquire(
                        {.pool = "p", .filters = {.predicate = [&](const pharox::Proxy& proxy) {
                                          const auto now = memory.catalog()->get_proxy(proxy.id);
                                          if (now->current_leases > limit) over = true;
                                          return (proxy.port + i + round) % 2 == 0;
                                      }}});
                    if (!result) continue;
                    ++hits;
                    if (result.proxy().current_leases > limit) over = true;
                    if ((result.proxy().port + i + round) % 2 != 0) over = true;
                    memory.release_lease({.lease_id = result.lease().id});
                }
            });
        }
    }
    EXPECT_FALSE(over);
    EXPECT_GT(hits, 0);
    EXPECT_EQ(stats().total_leases, 0);
    EXPECT_EQ(stats().available_proxies, 4);
}

TEST_F(InMemory, ItsHelpersAreTheCatalogs) {
    pharox::InMemoryStorage other;
    const auto made = other.add_pool({.name = "q"});
    const auto proxy = other.add_proxy({.pool_id = made.id, .host = "H.example", .port = 1});
    const auto consumer = other.add_consumer({.name = "me"});
    EXPECT_EQ(other.catalog()->get_pool("q"), made);
    EXPECT_EQ(other.catalog()->get_proxy(proxy.id), proxy);
    EXPECT_EQ(proxy.host, "h.example");
    EXPECT_EQ(other.catalog()->get_consumer("me"), consumer);
    EXPECT_EQ(other.ensure_consumer({.name = "me"}), consumer.id);
}

TEST_F(InMemory, AnUpdateByIdLeavesTheOldIdentityToOthers) {
    pharox::Proxy one = add_proxy(1);
    one.port = 2;
    pharox::Proxy other = one;
    other.id = pharox::ProxyId::make();
    other.port = 1;
    const auto result = memory.catalog()->add_proxies(
        {.proxies = {one, other, one}, .on_duplicate = pharox::DuplicatePolicy::update});
    EXPECT_EQ(result.added, 1);
    EXPECT_EQ(result.updated, 2);
    EXPECT_EQ(memory.catalog()->get_proxy(one.id)->port, 2);
    EXPECT_EQ(memory.catalog()->get_proxy(other.id)->port, 1);
    pharox::Proxy again = other;
    again.id = pharox::ProxyId::make();
    EXPECT_THROW(memory.catalog()->add_proxy(again), pharox::ConflictError);
    again.port = 2;
    EXPECT_THROW(memory.catalog()->add_proxy(again), pharox::ConflictError);
}

}  // namespace
