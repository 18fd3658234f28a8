// close(): held leases, waits, and leak reports.
#include <atomic>
#include <future>
#include <thread>

#include "test/eventually.hpp"
#include "test/manager/manager_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::LeakReport;
using pharox::Miss;

class Closing : public ManagerTest {
  protected:
    std::vector<LeakReport> reports() {
        const std::lock_guard lock(mutex);
        return leaks;
    }
    std::mutex mutex;
    std::vector<LeakReport> leaks;
    pharox::ManagerOptions options{.on_error = errors.hook(),
                                   .on_leak =
                                       [this](const LeakReport& report) {
                                           const std::lock_guard lock(mutex);
                                           leaks.push_back(report);
                                       },
                                   .leak_threshold = 0ms};
};

TEST_F(Closing, ReleasesHeldLeasesAndRequestsAStop) {
    add_proxy();
    pharox::ProxyManager manager(storage, options);
    auto held = manager.hold({.pool = "p"});
    const auto acquired_elsewhere = memory->acquire({.pool = "p"});
    EXPECT_FALSE(acquired_elsewhere);
    manager.close();
    EXPECT_TRUE(held->lost().stop_requested());
    EXPECT_EQ(leases(), 0);
    manager.close();
    held->release();
    EXPECT_EQ(storage->calls("release"), 1) << "once";
    EXPECT_TRUE(errors.entries().empty());
}

TEST_F(Closing, EndsAnAcquireWithoutWaitThatIsQueued) {
    add_proxy();
    pharox::ProxyManager manager(storage, options);
    const auto held = manager.acquire({.pool = "p"});
    std::promise<void> reached;
    std::promise<void> go_on;
    std::atomic<bool> asked{false};
    const auto caller = std::this_thread::get_id();
    storage->set_before([&](std::string_view call) {
        if (call != "acquire" || std::this_thread::get_id() == caller || asked.exchange(true)) return;
        reached.set_value();  // by the queue's thread
        go_on.get_future().wait();
    });
    storage->acquire_async({.pool = "p", .wait = 1h}, [](const pharox::AcquireOutcome&) {}, {});
    reached.get_future().wait();
    std::atomic<Miss> miss{Miss::none_available};
    std::jthread acquires([&] {
        // Beside waiters a given lease id is looked up right before the request queues.
        miss = manager.acquire({.pool = "p", .lease_id = pharox::LeaseId::make()}).miss();
    });
    EXPECT_TRUE(eventually([&] { return storage->calls("get") > 0; }));
    manager.close();
    go_on.set_value();
    acquires.join();
    EXPECT_EQ(miss, Miss::cancelled);
    storage->set_before({});
}

TEST_F(Closing, EndsEveryWaitAndLeasesNothingAfterwards) {
    add_proxy();
    pharox::ProxyManager manager(storage, options);
    const auto first = manager.acquire({.pool = "p"});
    std::atomic<int> cancelled{0};
    const auto count = [&](Miss miss) { cancelled += miss == Miss::cancelled ? 1 : 0; };
    {
        std::vector<std::jthread> waiting;
        for (int i = 0; i < 3; ++i)
            waiting.emplace_back([&] { count(manager.acquire({.pool = "p", .wait = 1h}).miss()); });
        waiting.emplace_back([&] { count(manager.hold({.pool = "p", .wait = 1h}).miss()); });
        std::atomic<int> answers{0};
        manager.acquire_async({.pool = "p", .wait = 1h}, [&](const pharox::AcquireOutcome& outcome) {
            count(outcome.result()->miss());
            ++answers;
        });
        EXPECT_TRUE(eventually([&] { return storage->calls("acquire") >= 6; }));
        manager.close();
        EXPECT_TRUE(eventually([&] { return answers == 1; }));
    }
    EXPECT_EQ(cancelled, 5);
    EXPECT_TRUE(manager.release(first.lease()).released) << "still works";
    EXPECT_EQ(manager.acquire({.pool = "p"}).miss(), Miss::cancelled);
    EXPECT_EQ(manager.hold({.pool = "p"}).miss(), Miss::cancelled);
    EXPECT_EQ(leases(), 0);
}

TEST_F(Closing, AConcurrentHoldLeavesNoLease) {
    add_proxy();
    pharox::ProxyManager manager(storage, options);
    storage->set_before([&](std::string_view call) {
        if (call == "acquire") manager.close();
    });
    EXPECT_EQ(manager.hold({.pool = "p"}).miss(), Miss::cancelled);
    EXPECT_EQ(leases(), 0);
}

TEST_F(Closing, ReportsHeldLeasesWithConsumerAndPlace) {
    add_proxy(80, 3);
    auto manager = std::make_unique<pharox::ProxyManager>(storage, options);
    memory->ensure_consumer({.name = "forgetful"});
    auto leaked = manager->hold({.pool = "p", .consumer = "forgetful"});
    {
        auto proper = manager->hold({.pool = "p"});
    }
    auto released = manager->hold({.pool = "p"});
    released->release();
    EXPECT_TRUE(reports().empty());
    manager.reset();
    const auto reported = reports();
    ASSERT_EQ(reported.size(), 1U);
    EXPECT_EQ(reported[0].lease.id, leaked->lease().id);
    EXPECT_EQ(reported[0].consumer_name, "forgetful");
    EXPECT_NE(reported[0].where.find("closing_test.cpp"), std::string::npos) << reported[0].where;
    EXPECT_GE(reported[0].held_for, 0ms);
}

TEST_F(Closing, ReportsALongHoldOnce) {
    add_proxy();
    options.leak_threshold = 5ms;
    pharox::ProxyManager manager(storage, options);
    auto held = manager.hold({.pool = "p"});
    EXPECT_TRUE(eventually([&] { return reports().size() == 1; }));
    EXPECT_GE(reports()[0].held_for, 5ms);
    EXPECT_EQ(leases(), 1) << "a report does not end the lease";
    manager.close();
    EXPECT_EQ(reports().size(), 1U);
}

TEST_F(Closing, AThrowingLeakHookStopsNothing) {
    add_proxy();
    options.on_leak = [](const LeakReport&) { throw std::runtime_error("cannot log"); };
    pharox::ProxyManager manager(storage, options);
    auto held = manager.hold({.pool = "p"});
    manager.close();
    EXPECT_EQ(leases(), 0);
    EXPECT_EQ(errors.entries(), std::vector<std::string>{"leak hook: cannot log"});
}

TEST_F(Closing, AnAsynchronousAcquirePassesErrorsToItsCompletion) {
    add_proxy();
    pharox::ProxyManager manager(storage, options);
    storage->set_before([](std::string_view call) {
        if (call == "ensure") throw pharox::StorageError({.store = "test", .operation = "ensure"}, "down");
    });
    std::exception_ptr error;
    const pharox::LeaseId id = pharox::LeaseId::make();
    manager.acquire_async({.pool = "p", .lease_id = id},
                          [&](const pharox::AcquireOutcome& outcome) { error = outcome.error(); });
    ASSERT_TRUE(error);
    try {
        std::rethrow_exception(error);
    } catch (const pharox::StorageError& failed) {
        EXPECT_EQ(failed.lease_id(), id);
    }
    EXPECT_THROW(manager.acquire_async({.pool = ""}, [](const pharox::AcquireOutcome&) {}),
                 pharox::ValidationError);
}

}  // namespace
