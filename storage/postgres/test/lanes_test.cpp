#include "lanes.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

namespace pharox::postgres {
namespace {

std::optional<Lane> of_a_new_thread(Lanes& lanes) {
    std::optional<Lane> lane;
    std::jthread([&] { lane = lanes.lane(1); }).join();
    return lane;
}

TEST(Lanes, whoever_is_alone_has_none) {
    Lanes lanes;
    EXPECT_EQ(lanes.lane(1), std::nullopt);
    const Lanes::Call call(lanes);
    EXPECT_EQ(lanes.lane(1), std::nullopt);
    {
        const Lanes::Call other(lanes);
        EXPECT_NE(lanes.lane(1), std::nullopt);
    }
    EXPECT_EQ(lanes.lane(1), std::nullopt);
}

TEST(Lanes, there_is_one_for_each_call) {
    Lanes lanes;
    const Lanes::Call calls[] = {Lanes::Call(lanes), Lanes::Call(lanes), Lanes::Call(lanes)};
    std::set<int> numbers;
    for (int thread = 0; thread < 4; ++thread) {
        const auto lane = of_a_new_thread(lanes);
        ASSERT_TRUE(lane);
        EXPECT_EQ(lane->mask, 3);
        numbers.insert(lane->number);
    }
    EXPECT_EQ(numbers, (std::set<int>{0, 1, 2, 3}));
}

TEST(Lanes, there_are_not_more_than_32) {
    Lanes lanes;
    std::deque<Lanes::Call> calls;
    while (calls.size() < 100) calls.emplace_back(lanes);
    EXPECT_EQ(lanes.lane(1).value_or(Lane{}).mask, 31);
}

TEST(Lanes, empty_one_is_left_for_a_while) {
    Lanes lanes;
    const Lanes::Call calls[] = {Lanes::Call(lanes), Lanes::Call(lanes)};
    lanes.was_empty(1);
    int without = 0;
    while (!lanes.lane(1)) {
        ++without;
        EXPECT_NE(lanes.lane(2), std::nullopt) << "another question";
    }
    EXPECT_EQ(without, 256);
}

}  // namespace
}  // namespace pharox::postgres
