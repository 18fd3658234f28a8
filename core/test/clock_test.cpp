#include "pharox/clock.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

TEST(Clock, SystemAndSteadyClockAgree) {
    for (const auto& clock : {pharox::system_clock(), pharox::steady_clock()}) {
        const auto before = pharox::current_time();
        const auto now = clock->now();
        EXPECT_GE(now, before - 10s);
        EXPECT_LE(now, pharox::current_time() + 10s);
    }
}

TEST(Clock, SteadyClockNeverRunsBackwards) {
    const auto clock = pharox::steady_clock();
    auto last = clock->now();
    for (int i = 0; i < 100'000; ++i) {
        const auto now = clock->now();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(Clock, ManualClockStaysUntilAdvanced) {
    pharox::ManualClock clock(pharox::Timestamp(5s));
    EXPECT_EQ(clock.now(), pharox::Timestamp(5s));
    clock.advance(3us);
    EXPECT_EQ(clock.now(), pharox::Timestamp(5s + 3us));
    clock.set(pharox::Timestamp(1s));
    EXPECT_EQ(clock.now(), pharox::Timestamp(1s));
}

}  // namespace
