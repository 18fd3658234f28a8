#include "contention_spreading.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

namespace pharox::postgres {
namespace {

std::set<int> offsets_of_threads(const ContentionSpreading& spreading, int threads) {
    std::set<int> offsets;
    for (int i = 0; i < threads; ++i) std::jthread([&] { offsets.insert(spreading.offset()); }).join();
    return offsets;
}

TEST(ContentionSpreadings, call_that_is_alone_starts_at_the_first) {
    ContentionSpreading spreading;
    const ContentionSpreading::Call call(spreading);
    EXPECT_EQ(offsets_of_threads(spreading, 4), (std::set<int>{0}));
    {
        const ContentionSpreading::Call other(spreading);
        EXPECT_EQ(offsets_of_threads(spreading, 4), (std::set<int>{0, 1}));
    }
    EXPECT_EQ(offsets_of_threads(spreading, 4), (std::set<int>{0}));
}

TEST(ContentionSpreadings, there_is_an_offset_for_each_call) {
    ContentionSpreading spreading;
    const ContentionSpreading::Call calls[] = {ContentionSpreading::Call(spreading),
                                               ContentionSpreading::Call(spreading),
                                               ContentionSpreading::Call(spreading)};
    EXPECT_EQ(offsets_of_threads(spreading, 4), (std::set<int>{0, 1, 2, 3}));
}

TEST(ContentionSpreadings, there_are_not_more_than_8_offsets) {
    ContentionSpreading spreading;
    std::deque<ContentionSpreading::Call> calls;
    while (calls.size() < 100) calls.emplace_back(spreading);
    const std::set<int> offsets = offsets_of_threads(spreading, 100);
    EXPECT_EQ(offsets.size(), 8U);
    EXPECT_EQ(*offsets.rbegin(), 7);
}

TEST(ContentionSpreadings, batches_start_behind_threads_and_where_the_previous_one_ended) {
    ContentionSpreading spreading;
    const ContentionSpreading::Call calls[] = {ContentionSpreading::Call(spreading),
                                               ContentionSpreading::Call(spreading)};
    EXPECT_EQ(spreading.batch_offset(3), 2);
    EXPECT_EQ(spreading.batch_offset(3), 5);
    EXPECT_EQ(spreading.batch_offset(3), 8);
    EXPECT_EQ(spreading.batch_offset(3), 3) << "there are eight for them";
}

}  // namespace
}  // namespace pharox::postgres
