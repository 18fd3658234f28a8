// Events: who hears of what, in which order, and how often.
#include <thread>

#include "src/manager/callbacks.hpp"
#include "test/manager/manager_fixture.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::AcquireEventPayload;
using pharox::CallbackId;
using pharox::LeaseId;
using pharox::Miss;
using pharox::ReleaseEventPayload;
using pharox::ReleaseReason;

class Callbacks : public ManagerTest {
  protected:
    void listen() {
        manager.on_acquire([this](AcquireEventPayload event) { acquired.push_back(std::move(event)); });
        manager.on_release([this](ReleaseEventPayload event) { released.push_back(std::move(event)); });
    }
    std::vector<AcquireEventPayload> acquired;
    std::vector<ReleaseEventPayload> released;
    pharox::ProxyManager manager{storage, {.on_error = errors.hook(), .clock = clock}};
};

TEST_F(Callbacks, AHitSaysAll) {
    listen();
    add_proxy();
    memory->ensure_consumer({.name = "default"});
    storage->set_before([&](std::string_view call) {
        if (call == "acquire") clock->advance(2s);
    });
    const auto started = clock->now();
    const auto got = manager.acquire({.pool = "p",
                                      .filters = {.protocol = pharox::ProxyProtocol::http},
                                      .selector = pharox::Selector::least_used});
    ASSERT_EQ(acquired.size(), 1U);
    const AcquireEventPayload& event = acquired[0];
    EXPECT_EQ(event.lease, got.lease());
    EXPECT_FALSE(event.miss);
    EXPECT_EQ(event.pool_name, "p");
    EXPECT_EQ(event.consumer_name, "default");
    EXPECT_EQ(event.filters.protocol, pharox::ProxyProtocol::http);
    EXPECT_EQ(event.selector, pharox::Selector::least_used);
    EXPECT_EQ(event.started_at, started);
    EXPECT_EQ(event.completed_at, started + 2s);
    EXPECT_GE(event.duration, 0us);
    EXPECT_FALSE(event.pool_stats);
    EXPECT_TRUE(released.empty());
}

TEST_F(Callbacks, AMissSaysWhy) {
    listen();
    EXPECT_FALSE(manager.acquire({.pool = "p"}));
    EXPECT_FALSE(manager.acquire({.pool = "unknown", .consumer = "default"}));
    ASSERT_EQ(acquired.size(), 2U);
    EXPECT_FALSE(acquired[0].lease);
    EXPECT_EQ(acquired[0].miss, Miss::nothing_matches);
    EXPECT_EQ(acquired[1].miss, Miss::pool_unknown);
    EXPECT_EQ(acquired[1].pool_name, "unknown");
}

TEST_F(Callbacks, AnErrorIsNoEvent) {
    listen();
    add_proxy();
    EXPECT_THROW(manager.acquire({.pool = "p", .consumer = "unknown"}), pharox::ConsumerNotFoundError);
    EXPECT_TRUE(acquired.empty());
}

TEST_F(Callbacks, AReplayIsNoEvent) {
    listen();
    add_proxy();
    const LeaseId id = LeaseId::make();
    EXPECT_FALSE(manager.acquire({.pool = "p", .lease_id = id}).replayed);
    EXPECT_TRUE(manager.acquire({.pool = "p", .lease_id = id}).replayed);
    EXPECT_EQ(acquired.size(), 1U);
}

TEST_F(Callbacks, AReleaseFiresOnce) {
    listen();
    add_proxy();
    const auto lease = manager.acquire({.pool = "p"}).lease();
    clock->advance(7s);
    manager.release(lease);
    manager.release(lease);
    manager.release({.lease_id = LeaseId::make()});
    ASSERT_EQ(released.size(), 1U);
    EXPECT_EQ(released[0].lease.id, lease.id);
    EXPECT_EQ(released[0].lease.status, pharox::LeaseStatus::released);
    EXPECT_EQ(released[0].pool_name, "p");
    EXPECT_EQ(released[0].reason, ReleaseReason::released);
    EXPECT_EQ(released[0].released_at, lease.acquired_at + 7s);
    EXPECT_EQ(released[0].lease_duration, 7s);
}

TEST_F(Callbacks, AReleaseByAnotherManagerIsNoEvent) {
    listen();
    add_proxy();
    const auto lease = manager.acquire({.pool = "p"}).lease();
    memory->release_lease({.lease_id = lease.id});
    EXPECT_FALSE(manager.release(lease).released);
    EXPECT_TRUE(released.empty());
}

TEST_F(Callbacks, AnExpiryFiresOnceForAnyCollector) {
    listen();
    add_proxy();
    const auto first = manager.acquire({.pool = "p", .duration = 1s}).lease();
    clock->advance(5s);
    const auto second = manager.acquire({.pool = "p", .duration = 1s}).lease();
    ASSERT_EQ(released.size(), 1U) << "found by an acquire";
    EXPECT_EQ(released[0].lease.id, first.id);
    EXPECT_EQ(released[0].reason, ReleaseReason::expired);
    EXPECT_EQ(released[0].released_at, first.expires_at);
    EXPECT_EQ(released[0].lease_duration, 1s);
    clock->advance(5s);
    EXPECT_FALSE(manager.release(second).released);
    EXPECT_EQ(manager.cleanup_expired_leases(), 1);
    ASSERT_EQ(released.size(), 2U) << "found by a cleanup";
    EXPECT_EQ(released[1].lease.id, second.id);
    EXPECT_EQ(manager.cleanup_expired_leases(), 0);
    EXPECT_EQ(released.size(), 2U);
}

TEST_F(Callbacks, AnExpiryFiresBeforeTheAcquireThatCollectedIt) {
    std::vector<std::string> events;
    manager.on_acquire([&](const AcquireEventPayload&) { events.emplace_back("acquired"); });
    manager.on_release([&](const ReleaseEventPayload&) { events.emplace_back("expired"); });
    add_proxy();
    manager.acquire({.pool = "p", .duration = 1s});
    clock->advance(1s);
    manager.acquire({.pool = "p"});
    EXPECT_EQ(events, (std::vector<std::string>{"acquired", "expired", "acquired"}));
}

TEST_F(Callbacks, RunInTheOrderOfRegistrationEachWithItsOwnCopy) {
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        manager.on_acquire([&order, i](AcquireEventPayload event) {
            order.push_back(i);
            EXPECT_EQ(event.pool_name, "p");
            event.pool_name = "changed";
            event.lease.reset();
        });
    }
    add_proxy();
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(Callbacks, CanBeUnregistered) {
    int calls = 0;
    const CallbackId on_acquire = manager.on_acquire([&](const AcquireEventPayload&) { ++calls; });
    const CallbackId on_release = manager.on_release([&](const ReleaseEventPayload&) { ++calls; });
    EXPECT_NE(on_acquire, on_release);
    add_proxy();
    EXPECT_TRUE(manager.unregister(on_acquire));
    EXPECT_FALSE(manager.unregister(on_acquire));
    const auto got = manager.acquire({.pool = "p"});
    EXPECT_EQ(calls, 0);
    EXPECT_TRUE(manager.unregister(on_release));
    manager.release(got.lease());
    EXPECT_EQ(calls, 0);
    EXPECT_FALSE(manager.unregister(CallbackId{12345}));
}

TEST_F(Callbacks, MayUnregisterThemselvesAndRegisterOthers) {
    int once = 0;
    int later = 0;
    CallbackId self{};
    self = manager.on_acquire([&](const AcquireEventPayload&) {
        ++once;
        EXPECT_TRUE(manager.unregister(self));
        manager.on_acquire([&](const AcquireEventPayload&) { ++later; });
    });
    manager.acquire({.pool = "p"});
    EXPECT_EQ(once, 1);
    EXPECT_EQ(later, 0) << "it came after the event";
    manager.acquire({.pool = "p"});
    EXPECT_EQ(once, 1);
    EXPECT_EQ(later, 1);
}

TEST_F(Callbacks, MayCallTheManager) {
    add_proxy(80, 2);
    bool inside = false;
    manager.on_acquire([&](const AcquireEventPayload& event) {
        if (inside) return;
        inside = true;
        manager.acquire({.pool = "p"});
        manager.release(*event.lease);
    });
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
    EXPECT_EQ(leases(), 1);
}

TEST_F(Callbacks, OneThatThrowsIsReportedAndStopsNothing) {
    manager.on_acquire([](const AcquireEventPayload&) { throw std::runtime_error("first"); });
    int calls = 0;
    manager.on_acquire([&](const AcquireEventPayload&) { ++calls; });
    manager.on_release([](const ReleaseEventPayload&) { throw std::runtime_error("second"); });
    add_proxy();
    const auto got = manager.acquire({.pool = "p"});
    EXPECT_TRUE(got);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(manager.release(got.lease()).released);
    EXPECT_EQ(errors.entries(),
              (std::vector<std::string>{"acquire callback: first", "release callback: second"}));
}

TEST_F(Callbacks, AHookThatThrowsIsIgnoredAndNoneIsNeeded) {
    pharox::ProxyManager throwing(storage, {.on_error = [](std::string_view, const std::exception_ptr&) {
                                      throw std::runtime_error("the hook");
                                  }});
    pharox::ProxyManager silent(storage);
    for (auto* one : {&throwing, &silent}) {
        one->on_acquire([](const AcquireEventPayload&) { throw 1; });
        EXPECT_FALSE(one->acquire({.pool = "p"}));
    }
}

TEST_F(Callbacks, StatisticsAreComputedOnlyIfWanted) {
    add_proxy(80, 3);
    std::vector<pharox::PoolStats> seen;
    manager.on_acquire([&](const AcquireEventPayload& event) { seen.push_back(event.pool_stats); });
    manager.acquire({.pool = "p"});
    EXPECT_EQ(storage->calls("stats"), 0);
    const auto wanting = manager.on_acquire(
        [&](const AcquireEventPayload& event) { seen.push_back(event.pool_stats); }, {.pool_stats = true});
    manager.on_acquire([&](const AcquireEventPayload& event) { seen.push_back(event.pool_stats); },
                       {.pool_stats = true});
    seen.clear();
    manager.acquire({.pool = "p"});
    EXPECT_EQ(storage->calls("stats"), 1) << "once for all";
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_FALSE(seen[0]) << "not requested";
    EXPECT_EQ(seen[1]->total_leases, 2) << "after the acquire";
    EXPECT_EQ(seen[2], seen[1]);
    seen.clear();
    manager.acquire({.pool = "unknown"});
    EXPECT_EQ(seen.at(1), std::nullopt) << "of an unknown pool there are none";
    const int before = storage->calls("stats");
    manager.unregister(wanting);
    manager.release(manager.acquire({.pool = "p"}).lease());
    EXPECT_EQ(storage->calls("stats"), before + 1) << "no release callback requests statistics";
}

TEST_F(Callbacks, StatisticsThatFailAreReportedAndLeftOut) {
    add_proxy();
    bool reported = false;
    manager.on_acquire(
        [&](const AcquireEventPayload& event) {
            reported = true;
            EXPECT_TRUE(event.lease);
            EXPECT_FALSE(event.pool_stats);
        },
        {.pool_stats = true});
    storage->set_before([](std::string_view call) {
        if (call == "stats") throw std::runtime_error("no");
    });
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
    EXPECT_TRUE(reported);
    EXPECT_EQ(errors.entries(), std::vector<std::string>{"pool statistics for a callback: no"});
}

TEST_F(Callbacks, AnEmptyOneIsRefused) {
    EXPECT_EQ(refusal_of([&] { return manager.on_acquire({}); }), "callback |  | is empty");
    EXPECT_EQ(refusal_of([&] { return manager.on_release({}); }), "callback |  | is empty");
}

TEST(CallbackList, OfACallIsThatOfItsBeginning) {
    pharox::Callbacks<int> callbacks;
    callbacks.add(CallbackId{1}, [](int) {}, {});
    const auto before = callbacks.list();
    callbacks.add(CallbackId{2}, [](int) {}, {});
    EXPECT_TRUE(callbacks.remove(CallbackId{1}));
    EXPECT_FALSE(callbacks.remove(CallbackId{1}));
    ASSERT_EQ(before->size(), 1U);
    EXPECT_EQ(before->front().id, CallbackId{1});
    ASSERT_EQ(callbacks.list()->size(), 1U);
    EXPECT_EQ(callbacks.list()->front().id, CallbackId{2});
}

TEST_F(Callbacks, CanBeAddedAndRemovedDuringCalls) {
    add_proxy(80, std::nullopt);
    std::atomic<int> calls{0};
    std::atomic<int> kept{0};
    manager.on_acquire([&](const AcquireEventPayload&) { ++kept; });
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&] {
                for (int round = 0; round < 200; ++round) manager.acquire({.pool = "p"});
            });
        }
        threads.emplace_back([&] {
            for (int round = 0; round < 500; ++round) {
                const auto id = manager.on_acquire([&](const AcquireEventPayload&) { ++calls; });
                EXPECT_TRUE(manager.unregister(id));
            }
        });
    }
    EXPECT_EQ(kept, 600);
}

}  // namespace
