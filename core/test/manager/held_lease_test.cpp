#include "pharox/manager/held_lease.hpp"

#include <atomic>
#include <future>
#include <thread>

#include "test/eventually.hpp"
#include "test/manager/manager_fixture.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::HeldLease;
using pharox::LeaseId;
using pharox::Miss;
using pharox::ProxyManager;

/// Leases expire by the manual clock, renewals use the steady one: so a test decides when a lease ends.
class Held : public ManagerTest {
  protected:
    Held() { add_proxy(); }
    std::unique_ptr<ProxyManager> make_manager() {
        return std::make_unique<ProxyManager>(storage, pharox::ManagerOptions{.on_error = errors.hook()});
    }
    pharox::StorageError failure() { return {{.store = "test", .operation = "call"}, "down"}; }
    void fail(const std::string& failing) {
        storage->set_before([this, failing](std::string_view call) {
            if (call == failing) throw failure();
        });
    }
    /// Returns when another manager has renewed a lease several times, and so could this one have.
    void let_renewals_pass() {
        add_proxy(81);
        const auto watched = std::make_shared<pharox::Sealed<WatchedStorage>>(memory);
        ProxyManager other(watched);
        const auto hold = [&] { return other.hold({.pool = "p", .duration = 30ms}, {.renew = true}); };
        auto held = hold();
        EXPECT_TRUE(eventually([&] {
            if (held->lost().stop_requested()) held = hold();  // on a machine that has much to do
            return watched->calls("renew") >= 3;
        }));
    }
    std::unique_ptr<ProxyManager> manager = make_manager();
};

TEST_F(Held, IsReleasedAtTheEndOfItsScope) {
    {
        auto held = manager->hold({.pool = "p", .duration = 10s});
        ASSERT_TRUE(held);
        EXPECT_EQ(held->proxy().port, 80);
        EXPECT_EQ(held->lease().expires_at, clock->now() + 10s);
        EXPECT_EQ((*held).lease().id, held->lease().id);
        EXPECT_EQ(leases(), 1);
        EXPECT_EQ(manager->hold({.pool = "p"}).miss(), Miss::all_busy);
        EXPECT_FALSE(held->lost().stop_possible() && held->lost().stop_requested());
    }
    EXPECT_EQ(leases(), 0);
    EXPECT_TRUE(errors.entries().empty());
}

TEST_F(Held, IsReleasedByAnException) {
    EXPECT_THROW(
        {
            const auto held = manager->hold({.pool = "p"});
            EXPECT_EQ(leases(), 1);
            throw std::runtime_error("work failed");
        },
        std::runtime_error);
    EXPECT_EQ(leases(), 0);
}

TEST_F(Held, AMissHoldsNothing) {
    const auto miss = manager->hold({.pool = "unknown"});
    EXPECT_FALSE(miss);
    EXPECT_EQ(miss.miss(), Miss::pool_unknown);
    EXPECT_EQ(storage->calls("release"), 0);
}

TEST_F(Held, ReleasesOnce) {
    {
        auto held = manager->hold({.pool = "p"});
        held->release();
        EXPECT_EQ(leases(), 0);
        held->release();
        EXPECT_TRUE(manager->hold({.pool = "p"})) << "and no other lease";
    }
    EXPECT_EQ(storage->calls("release"), 2);
}

TEST_F(Held, AMoveTransfersTheLease) {
    add_proxy(81);
    auto first = manager->hold({.pool = "p"});
    auto second = manager->hold({.pool = "p"});
    const LeaseId first_id = first->lease().id;
    const LeaseId second_id = second->lease().id;
    {
        HeldLease moved = std::move(*first);
        EXPECT_EQ(moved.lease().id, first_id);
        first->release();  // NOLINT(bugprone-use-after-move): does nothing, as documented
        EXPECT_FALSE(first->lost().stop_requested());
        EXPECT_EQ(leases(), 2);
        moved = std::move(*second);
        EXPECT_EQ(record(first_id)->release_reason, pharox::ReleaseReason::released)
            << "the previous lease is released at once";
        EXPECT_EQ(moved.lease().id, second_id);
        HeldLease& same = moved;
        moved = std::move(same);
        EXPECT_EQ(leases(), 1) << "also into itself";
    }
    EXPECT_EQ(leases(), 0);
    EXPECT_EQ(storage->calls("release"), 2);
}

TEST_F(Held, ReleaseFiresItsEventOnce) {
    int events = 0;
    manager->on_release([&](const pharox::ReleaseEventPayload&) { ++events; });
    {
        auto held = manager->hold({.pool = "p"});
        held->release();
    }
    EXPECT_EQ(events, 1);
    {
        auto held = manager->hold({.pool = "p"});
    }
    EXPECT_EQ(events, 2);
}

TEST_F(Held, AnErrorOfTheDestructorIsPassedToTheHook) {
    {
        auto held = manager->hold({.pool = "p"});
        fail("release");
    }
    EXPECT_EQ(errors.entries(),
              std::vector<std::string>{"release of a held lease: storage test: call: down"});
    EXPECT_EQ(leases(), 1) << "it ends by expiry";
}

TEST_F(Held, AnExplicitReleaseThrows) {
    auto held = manager->hold({.pool = "p"});
    fail("release");
    EXPECT_THROW(held->release(), pharox::StorageError);
    EXPECT_TRUE(errors.entries().empty());
}

TEST_F(Held, OutlivesItsManagerWithoutItsLease) {
    auto held = manager->hold({.pool = "p"}, {.renew = true});
    manager.reset();  // closes: releases the lease and requests a stop
    EXPECT_EQ(leases(), 0);
    EXPECT_TRUE(held->lost().stop_requested());
    held->release();
    EXPECT_EQ(leases(), 0);
}

TEST_F(Held, MayBeDestroyedBeforeItsManager) {
    {
        auto held = manager->hold({.pool = "p"}, {.renew = true});
    }
    EXPECT_EQ(leases(), 0);
    manager.reset();
}

TEST_F(Held, MayBeReleasedByAnotherThread) {
    auto held = manager->hold({.pool = "p"}, {.renew = true});
    std::jthread([&] { held->release(); }).join();
    EXPECT_EQ(leases(), 0);
}

// ---- Renewal

TEST_F(Held, IsRenewedBeyondItsDuration) {
    auto held = manager->hold({.pool = "p", .duration = 30ms}, {.renew = true});
    const auto first_end = held->lease().expires_at;
    for (int i = 0; i < 5; ++i) {
        // The clock advances only after a renewal, so that no renewal can be too late.
        clock->advance(20ms);
        const auto wanted = clock->now() + 30ms;
        EXPECT_TRUE(eventually([&] { return record(held->lease().id)->expires_at >= wanted; }));
    }
    EXPECT_GT(clock->now(), first_end);
    EXPECT_FALSE(held->lost().stop_requested());
    EXPECT_EQ(leases(), 1);
    EXPECT_EQ(held->lease().expires_at, first_end) << "as it was acquired";
}

TEST_F(Held, IsNotRenewedByDefault) {
    auto held = manager->hold({.pool = "p", .duration = 1ms});
    auto renewed = manager->hold({.pool = "p"});
    clock->advance(1ms);
    EXPECT_EQ(leases(), 0);
    EXPECT_FALSE(held->lost().stop_requested());
    EXPECT_EQ(storage->calls("renew"), 0);
}

TEST_F(Held, RenewalsEndWithTheRelease) {
    const auto hold = [&] { return manager->hold({.pool = "p", .duration = 3ms}, {.renew = true}); };
    auto held = hold();
    const auto is_renewed = [&] {
        const int before = storage->calls("renew");
        return eventually(
                   [&] { return storage->calls("renew") >= before + 2 || held->lost().stop_requested(); }) &&
               !held->lost().stop_requested();
    };
    for (int tries = 0; !is_renewed(); ++tries) {
        ASSERT_LT(tries, 100);
        held->release();  // a renewal came too late, on a machine that has much to do
        held = hold();
    }
    held->release();
    EXPECT_TRUE(manager->hold({.pool = "p", .duration = 1h}));
    const int calls = storage->calls("renew");
    let_renewals_pass();
    EXPECT_LE(storage->calls("renew"), calls + 1) << "one may have been in progress";
    EXPECT_FALSE(held->lost().stop_requested());
}

TEST_F(Held, IsLostWhenItEndsElsewhere) {
    auto held = manager->hold({.pool = "p", .duration = 3ms}, {.renew = true});
    std::atomic<int> stops{0};
    const std::stop_callback callback(held->lost(), [&] { ++stops; });
    memory->release_lease({.lease_id = held->lease().id});
    EXPECT_TRUE(eventually([&] { return stops == 1; }));
    EXPECT_TRUE(held->lost().stop_requested());
    const int calls = storage->calls("renew");
    let_renewals_pass();
    EXPECT_EQ(storage->calls("renew"), calls) << "a lost lease is not renewed";
}

TEST_F(Held, IsLostWhenItsProxyIsRemoved) {
    auto held = manager->hold({.pool = "p", .duration = 3ms}, {.renew = true});
    memory->catalog()->remove_proxy(held->proxy().id, true);
    EXPECT_TRUE(eventually([&] { return held->lost().stop_requested(); }));
}

TEST_F(Held, SurvivesOccasionalFailuresOfRenewals) {
    std::atomic<int> failures{0};
    storage->set_before([&](std::string_view call) {
        if (call == "renew" && ++failures <= 2) throw failure();
    });
    auto held = manager->hold({.pool = "p", .duration = 30s}, {.renew = true});
    // A third of the duration is long to wait for; so a repeat of the same lease, which is renewed at once.
    auto repeat =
        manager->hold({.pool = "p", .duration = 10s, .lease_id = held->lease().id}, {.renew = true});
    EXPECT_TRUE(eventually([&] { return failures >= 3; }));
    EXPECT_FALSE(repeat->lost().stop_requested());
    const auto entries = errors.entries();
    ASSERT_GE(entries.size(), 2U);
    EXPECT_EQ(entries[0], "renewal of held leases: storage test: call: down");
}

TEST_F(Held, IsLostWhenRenewalsFailUntilItsEnd) {
    fail("renew");
    const auto started = std::chrono::steady_clock::now();
    auto held = manager->hold({.pool = "p", .duration = 50ms}, {.renew = true});
    EXPECT_TRUE(eventually([&] { return held->lost().stop_requested(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - started, 50ms) << "not before the end of the lease";
    EXPECT_GE(storage->calls("renew"), 1);
    EXPECT_FALSE(errors.entries().empty());
}

TEST_F(Held, SaysSoInTimeWhileTheStoreHangs) {
    std::promise<void> back;
    storage->set_before([hangs = back.get_future().share()](std::string_view call) {
        if (call == "renew") hangs.wait();
    });
    auto held = manager->hold({.pool = "p", .duration = 50ms}, {.renew = true});
    EXPECT_TRUE(eventually([&] { return held->lost().stop_requested(); }));
    back.set_value();
}

TEST_F(Held, IsNotLostBecauseItWasWaitedForLongerThanItLasts) {
    constexpr auto duration = 400ms;
    auto other = manager->hold({.pool = "p", .duration = 1h});
    const int attempts = storage->calls("acquire");
    std::thread later([&] {
        EXPECT_TRUE(eventually([&] { return storage->calls("acquire") > attempts + 1; })) << "it is queued";
        const auto end = std::chrono::steady_clock::now() + duration;
        EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > end; }));
        other->release();
    });
    auto held = manager->hold({.pool = "p", .duration = duration, .wait = 60s}, {.renew = true});
    later.join();
    ASSERT_TRUE(held);
    const int renewals = storage->calls("renew");
    EXPECT_TRUE(eventually([&] { return storage->calls("renew") >= renewals + 2; })) << "it is still renewed";
    EXPECT_FALSE(held->lost().stop_requested());
}

TEST_F(Held, IsNotLostBeforeItsTenureEnds) {
    for (const auto duration : {150ms, 100ms}) {
        const auto started = std::chrono::steady_clock::now();
        auto held = manager->hold({.pool = "p", .duration = duration, .max_tenure = 150ms}, {.renew = true});
        clock->advance(60ms);  // so that a renewal reaches the end of the tenure, if there can be one
        EXPECT_TRUE(eventually([&] { return held->lost().stop_requested(); }));
        EXPECT_GE(std::chrono::steady_clock::now() - started, duration) << "until then it is still ours";
        EXPECT_EQ(record(held->lease().id)->expires_at, held->lease().acquired_at + 150ms);
        EXPECT_GE(storage->calls("renew"), 1);
    }
    EXPECT_TRUE(errors.entries().empty());
}

TEST_F(Held, ARepeatIsRenewedAtOnceForItMayEndSoon) {
    auto held = manager->hold({.pool = "p", .duration = 1h});
    auto repeat = manager->hold({.pool = "p", .duration = 2h, .lease_id = held->lease().id}, {.renew = true});
    ASSERT_TRUE(repeat);
    EXPECT_TRUE(eventually([&] { return record(held->lease().id)->expires_at >= clock->now() + 2h; }));
}

TEST_F(Held, MayBeDestroyedByTheCallbackThatSaysItIsLost) {
    std::atomic<bool> destroyed{false};
    std::optional<HeldLease> held;
    auto result = manager->hold({.pool = "p", .duration = 3ms}, {.renew = true});
    const LeaseId id = result->lease().id;
    const std::stop_token lost = result->lost();
    held = std::move(*result);
    const std::stop_callback callback(lost, [&] {
        held.reset();
        destroyed = true;
    });
    memory->release_lease({.lease_id = id});
    EXPECT_TRUE(eventually([&] { return destroyed.load(); }));
}

TEST_F(Held, TheManagerMayBeDestroyedByThatCallbackToo) {
    std::atomic<bool> destroyed{false};
    std::optional<HeldLease> held;
    auto result = manager->hold({.pool = "p", .duration = 3ms}, {.renew = true});
    const LeaseId id = result->lease().id;
    const std::stop_token lost = result->lost();
    held = std::move(*result);
    std::weak_ptr<pharox::IStorage> watched = storage;
    const std::stop_callback callback(lost, [&] {
        held.reset();
        manager.reset();
        destroyed = true;
    });
    memory->release_lease({.lease_id = id});
    EXPECT_TRUE(eventually([&] { return destroyed.load(); }));
    storage.reset();
    EXPECT_TRUE(eventually([&] { return watched.expired(); })) << "nothing keeps the storage";
}

TEST_F(Held, ManyAreRenewedAtOnce) {
    constexpr int count = 50;
    bootstrap_proxy(*memory, pool, {.host = "10.0.0.2", .port = 80});
    std::vector<pharox::HoldResult> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(manager->hold({.pool = "p", .duration = 300ms, .filters = {}}, {.renew = true}));
        ASSERT_TRUE(all.back());
    }
    clock->advance(200ms);
    const auto wanted = clock->now() + 300ms;
    for (auto& held : all) {
        EXPECT_TRUE(eventually([&] { return record(held->lease().id)->expires_at >= wanted; }));
        EXPECT_FALSE(held->lost().stop_requested());
    }
    all.clear();
    EXPECT_EQ(leases(), 0);
}

TEST_F(Held, ARenewalOfManyThatHangsCostsNoLease) {
    bootstrap_proxy(*memory, pool, {.host = "10.0.0.2", .port = 80});
    std::promise<void> back;
    std::atomic<bool> hung{false};
    storage->set_before([&, go_on = back.get_future().share()](std::string_view call) {
        if (call == "renew_many" && !hung.exchange(true)) go_on.wait();
    });
    std::vector<pharox::HoldResult> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(manager->hold({.pool = "p", .duration = 2s}, {.renew = true}));
        ASSERT_TRUE(all.back());
    }
    clock->advance(200ms);
    const auto wanted = clock->now() + 2s;
    for (auto& held : all) {
        EXPECT_TRUE(eventually([&] { return record(held->lease().id)->expires_at >= wanted; }));
        EXPECT_FALSE(held->lost().stop_requested());
    }
    back.set_value();
    all.clear();
    EXPECT_EQ(leases(), 0);
}

}  // namespace
