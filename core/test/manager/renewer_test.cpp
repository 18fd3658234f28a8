#include "src/manager/renewer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "test/eventually.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::Renewer;
using Clock = std::chrono::steady_clock;

TEST(Renewer, RunsATaskAsOftenAsItAsks) {
    std::atomic<int> runs{0};
    Renewer renewer;
    renewer.add(Clock::now(), [&]() -> std::optional<Renewer::Time> {
        if (++runs == 5) return std::nullopt;
        return Clock::now() + 1ms;
    });
    EXPECT_TRUE(eventually([&] { return runs == 5; }));
}

TEST(Renewer, RunsNothingBeforeItsTime) {
    const auto due = Clock::now() + 50ms;
    std::atomic<bool> early{false};
    std::atomic<bool> ran{false};
    Renewer renewer;
    renewer.add(due, [&]() -> std::optional<Renewer::Time> {
        early = Clock::now() < due;
        ran = true;
        return std::nullopt;
    });
    EXPECT_TRUE(eventually([&] { return ran.load(); }));
    EXPECT_FALSE(early);
}

TEST(Renewer, ASoonerTaskOvertakes) {
    std::atomic<bool> sooner{false};
    Renewer renewer;
    renewer.add(Clock::now() + 1h, [] { return std::nullopt; });
    renewer.add(Clock::now() + 1ms, [&] {
        sooner = true;
        return std::nullopt;
    });
    EXPECT_TRUE(eventually([&] { return sooner.load(); }));
}

TEST(Renewer, LetsGoOfATaskThatIsDone) {
    const auto owned = std::make_shared<int>(0);
    Renewer renewer;
    renewer.add(Clock::now(), [owned] { return std::nullopt; });
    EXPECT_TRUE(eventually([&] { return owned.use_count() == 1; }));
}

TEST(Renewer, EndsAtOnceWhateverIsStillToCome) {
    const auto owned = std::make_shared<int>(0);
    const auto started = Clock::now();
    {
        Renewer renewer;
        for (int i = 0; i < 10; ++i) renewer.add(Clock::now() + 1h, [owned] { return std::nullopt; });
    }
    {
        const Renewer never_used;
    }
    EXPECT_EQ(owned.use_count(), 1);
    EXPECT_LT(Clock::now() - started, 30min);
}

TEST(Renewer, WaitsForTheTaskThatRuns) {
    std::atomic<bool> running{false};
    std::atomic<bool> done{false};
    {
        Renewer renewer;
        renewer.add(Clock::now(), [&] {
            running = true;
            std::this_thread::sleep_for(20ms);
            done = true;
            return std::nullopt;
        });
        EXPECT_TRUE(eventually([&] { return running.load(); }));
    }
    EXPECT_TRUE(done);
}

TEST(Renewer, MayBeDestroyedByATaskOfItsOwn) {
    auto renewer = std::make_shared<Renewer>();
    std::weak_ptr<Renewer> watched = renewer;
    Renewer& same = *renewer;
    std::atomic<bool> go{false};
    same.add(Clock::now(), [owner = std::move(renewer), &go]() mutable -> std::optional<Renewer::Time> {
        while (!go) std::this_thread::yield();
        owner.reset();
        return std::nullopt;
    });
    go = true;
    EXPECT_TRUE(eventually([&] { return watched.expired(); }));
}

TEST(Renewer, TakesTasksFromAnyThread) {
    std::atomic<int> runs{0};
    Renewer renewer;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int j = 0; j < 100; ++j) {
                    renewer.add(Clock::now() + std::chrono::milliseconds(j % 5), [&] {
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
