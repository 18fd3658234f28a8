#include "crowd.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

namespace pharox::postgres {
namespace {

std::set<int> places_of_threads(Crowd& crowd, int threads) {
    std::set<int> places;
    for (int i = 0; i < threads; ++i) std::jthread([&] { places.insert(crowd.place(1)); }).join();
    return places;
}

TEST(Crowds, whoever_is_alone_has_the_first_place) {
    Crowd crowd;
    EXPECT_FALSE(crowd.is_there());
    const Crowd::Call call(crowd);
    EXPECT_FALSE(crowd.is_there());
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0}));
    {
        const Crowd::Call other(crowd);
        EXPECT_TRUE(crowd.is_there());
        EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0, 1}));
    }
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0}));
}

TEST(Crowds, there_is_a_place_for_each_call) {
    Crowd crowd;
    const Crowd::Call calls[] = {Crowd::Call(crowd), Crowd::Call(crowd), Crowd::Call(crowd)};
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0, 1, 2, 3}));
}

TEST(Crowds, there_are_not_more_than_32_places) {
    Crowd crowd;
    std::deque<Crowd::Call> calls;
    while (calls.size() < 100) calls.emplace_back(crowd);
    const std::set<int> places = places_of_threads(crowd, 100);
    EXPECT_EQ(places.size(), 32U);
    EXPECT_EQ(*places.rbegin(), 31);
}

TEST(Crowds, place_where_nothing_was_is_left_for_a_while) {
    Crowd crowd;
    const Crowd::Call calls[] = {Crowd::Call(crowd), Crowd::Call(crowd)};
    crowd.found_nothing(1);
    for (int i = 0; i < 256; ++i) EXPECT_EQ(crowd.place(1), 0);
    EXPECT_EQ(places_of_threads(crowd, 2), (std::set<int>{0, 1}));
}

}  // namespace
}  // namespace pharox::postgres
