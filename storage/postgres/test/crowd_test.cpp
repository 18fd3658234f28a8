#include "crowd.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

namespace pharox::postgres {
namespace {

constexpr std::size_t question = 1;

std::set<int> places_of_threads(Crowd& crowd, int threads) {
    std::set<int> places;
    for (int i = 0; i < threads; ++i) std::jthread([&] { places.insert(crowd.place(question)); }).join();
    return places;
}

TEST(Crowds, whoever_is_alone_has_the_first_place) {
    Crowd crowd;
    const Crowd::Call call(crowd);
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0}));
    {
        const Crowd::Call other(crowd);
        EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0, 1}));
    }
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0}));
}

TEST(Crowds, there_is_a_place_for_each_call) {
    Crowd crowd;
    const Crowd::Call calls[] = {Crowd::Call(crowd), Crowd::Call(crowd), Crowd::Call(crowd)};
    EXPECT_EQ(places_of_threads(crowd, 4), (std::set<int>{0, 1, 2, 3}));
}

TEST(Crowds, there_are_not_more_than_8_places) {
    Crowd crowd;
    std::deque<Crowd::Call> calls;
    while (calls.size() < 100) calls.emplace_back(crowd);
    const std::set<int> places = places_of_threads(crowd, 100);
    EXPECT_EQ(places.size(), 8U);
    EXPECT_EQ(*places.rbegin(), 7);
}

TEST(Crowds, calls_that_go_together_begin_behind_those_where_the_last_ones_ended) {
    Crowd crowd;
    const Crowd::Call calls[] = {Crowd::Call(crowd), Crowd::Call(crowd)};
    EXPECT_EQ(crowd.place_of_many(question, 3), 2);
    EXPECT_EQ(crowd.place_of_many(question, 3), 5);
    EXPECT_EQ(crowd.place_of_many(question, 3), 8);
    EXPECT_EQ(crowd.place_of_many(question, 3), 3) << "there are eight for them";
}

TEST(Crowds, places_where_too_little_was_are_left_for_a_while) {
    Crowd crowd;
    const Crowd::Call calls[] = {Crowd::Call(crowd), Crowd::Call(crowd)};
    crowd.found_too_few(question, 1);
    for (int i = 0; i < 256; ++i) {
        EXPECT_TRUE(crowd.acquires_go_together(question));
        EXPECT_EQ(i % 2 == 0 ? crowd.place(question) : crowd.place_of_many(question, 2), 0);
    }
    EXPECT_EQ(places_of_threads(crowd, 2), (std::set<int>{0, 1}));
}

TEST(Crowds, where_too_little_was_from_the_first_on_each_goes_by_itself_for_a_while) {
    Crowd crowd;
    crowd.found_too_few(question, 0);
    for (int i = 0; i < 256; ++i) EXPECT_FALSE(crowd.acquires_go_together(question));
    EXPECT_TRUE(crowd.acquires_go_together(question));
    crowd.found_too_few(question, 0);
    EXPECT_TRUE(crowd.acquires_go_together(question + 1));
}

TEST(Crowds, acquires_whose_trips_are_refused_go_by_themselves_for_a_while) {
    Crowd crowd;
    for (int i = 0; i < 1000; ++i) crowd.acquired(question, i % 5 == 0);
    for (int i = 0; i < 3; ++i) crowd.acquired(question, true);
    EXPECT_TRUE(crowd.acquires_go_together(question)) << "one in five";
    crowd.acquired(question, true);
    EXPECT_FALSE(crowd.acquires_go_together(question));
    EXPECT_TRUE(crowd.acquires_go_together(question + 1));
    EXPECT_TRUE(crowd.releases_go_together());
}

TEST(Crowds, releases_that_others_hold_up_go_by_themselves_for_a_while) {
    Crowd crowd;
    for (std::size_t i = 0; i < 1000; ++i) crowd.released(1, i % 2);
    EXPECT_TRUE(crowd.releases_go_together()) << "half of them were ended";
    crowd.released(8, 8);
    for (int i = 0; i < 15; ++i) crowd.released(1, 0);
    EXPECT_TRUE(crowd.releases_go_together());
    crowd.released(1, 0);
    for (int i = 0; i < 256; ++i) EXPECT_FALSE(crowd.releases_go_together());
    EXPECT_TRUE(crowd.releases_go_together());
}

}  // namespace
}  // namespace pharox::postgres
