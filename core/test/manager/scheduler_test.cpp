#include "src/manager/scheduler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "test/eventually.hpp"
#include "test/threads_of_this_process.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::Scheduler;
using Clock = std::chrono::steady_clock;

TEST(Scheduler, RunsATaskAsOftenAsItAsks) {
    std::atomic<int> runs{0};
    Scheduler scheduler;
    scheduler.add(Clock::now(), [&]() -> std::optional<Scheduler::Time> {
        if (++runs == 5) return std::nullopt;
        return Clock::now() + 1ms;
    });
    EXPECT_TRUE(eventually([&] { return runs == 5; }));
}

TEST(Scheduler, RunsNothingBeforeItsTime) {
    const auto scheduled = Clock::now() + 50ms;
    std::atomic<bool> early{false};
    std::atomic<bool> ran{false};
    Scheduler scheduler;
    scheduler.add(scheduled, [&]() -> std::optional<Scheduler::Time> {
        early = Clock::now() < scheduled;
        ran = true;
        return std::nullopt;
    });
    EXPECT_TRUE(eventually([&] { return ran.load(); }));
    EXPECT_FALSE(early);
}

TEST(Scheduler, ASoonerTaskOvertakes) {
    std::atomic<bool> sooner{false};
    Scheduler scheduler;
    scheduler.add(Clock::now() + 1h, [] { return std::nullopt; });
    scheduler.add(Clock::now() + 1ms, [&] {
        sooner = true;
        return std::nullopt;
    });
    EXPECT_TRUE(eventually([&] { return sooner.load(); }));
}

TEST(Scheduler, DestroysAFinishedTask) {
    const auto owned = std::make_shared<int>(0);
    Scheduler scheduler;
    scheduler.add(Clock::now(), [owned] { return std::nullopt; });
    EXPECT_TRUE(eventually([&] { return owned.use_count() == 1; }));
}

TEST(Scheduler, EndsWithScheduledTasks) {
    const auto owned = std::make_shared<int>(0);
    const auto started = Clock::now();
    {
        Scheduler scheduler;
        for (int i = 0; i < 10; ++i) scheduler.add(Clock::now() + 1h, [owned] { return std::nullopt; });
    }
    {
        const Scheduler never_used;
    }
    EXPECT_EQ(owned.use_count(), 1);
    EXPECT_LT(Clock::now() - started, 30min);
}

TEST(Scheduler, WaitsForTheTaskThatRuns) {
    std::promise<void> go_on;
    std::promise<void> running;
    std::promise<void> destroying;
    std::atomic<bool> done{false};
    bool done_before_it_returned = false;
    auto scheduler = std::make_unique<Scheduler>();
    scheduler->add(Clock::now(), [&, may_go_on = go_on.get_future().share()] {
        running.set_value();
        may_go_on.wait();
        done = true;
        return std::nullopt;
    });
    running.get_future().wait();
    std::jthread destroys([&] {
        destroying.set_value();
        scheduler.reset();
        done_before_it_returned = done;
    });
    destroying.get_future().wait();
    go_on.set_value();
    destroys.join();
    EXPECT_TRUE(done_before_it_returned);
}

TEST(Scheduler, MayBeDestroyedByATaskOfItsOwn) {
    auto scheduler = std::make_shared<Scheduler>();
    std::weak_ptr<Scheduler> watched = scheduler;
    Scheduler& same = *scheduler;
    std::atomic<bool> go{false};
    same.add(Clock::now(), [owner = std::move(scheduler), &go]() mutable -> std::optional<Scheduler::Time> {
        while (!go) std::this_thread::yield();
        owner.reset();
        return std::nullopt;
    });
    go = true;
    EXPECT_TRUE(eventually([&] { return watched.expired(); }));
}

TEST(Scheduler, TasksThatHangDelayNoOtherUntilAllThreadsHang) {
    std::promise<void> go_on;
    const std::shared_future<void> may_go_on = go_on.get_future().share();
    std::atomic<int> hanging{0};
    std::atomic<int> done{0};
    const std::size_t threads_before = threads_of_this_process();
    {
        pharox::Scheduler scheduler(3);
        const auto hang = [&]() -> std::optional<pharox::Scheduler::Time> {
            ++hanging;
            may_go_on.wait();
            return std::nullopt;
        };
        const auto finish = [&]() -> std::optional<pharox::Scheduler::Time> {
            ++done;
            return std::nullopt;
        };
        for (int i = 0; i < 2; ++i) scheduler.add({}, hang);
        for (int i = 0; i < 10; ++i) scheduler.add({}, finish);
        EXPECT_TRUE(eventually([&] { return done == 10 && hanging == 2; }));
        scheduler.add({}, hang);
        EXPECT_TRUE(eventually([&] { return hanging == 3; }));
        scheduler.add({}, finish);
        EXPECT_EQ(threads_of_this_process(), threads_before + 3);
        EXPECT_EQ(done, 10) << "no thread is free";
        go_on.set_value();
        EXPECT_TRUE(eventually([&] { return done == 11; }));
    }
}

TEST(Scheduler, TakesTasksFromAnyThread) {
    std::atomic<int> runs{0};
    Scheduler scheduler;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int j = 0; j < 100; ++j) {
                    scheduler.add(Clock::now() + std::chrono::milliseconds(j % 5), [&] {
                        ++runs;
                        return std::nullopt;
                    });
                }
            });
        }
    }
    EXPECT_TRUE(eventually([&] { return runs == 400; }));
}

}  // namespace
