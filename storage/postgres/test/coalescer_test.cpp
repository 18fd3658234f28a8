#include "coalescer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <latch>
#include <stdexcept>
#include <thread>

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr int any = 0;

struct Call : CoalescedCall {
    explicit Call(int about) : question(about) {}
    [[nodiscard]] bool goes_with_all() const { return question == any; }
    [[nodiscard]] bool goes_with(const Call& other) const {
        return goes_with_all() || other.goes_with_all() || question == other.question;
    }
    const int question;
    std::size_t together = 0;  ///< how many it travelled with, itself included; 0: not yet
    std::atomic<bool> landed = false;
};

constexpr auto for_ever = std::chrono::hours(1);

class Coalescing : public testing::Test {
  protected:
    using Group = std::span<Call* const>;
    void TearDown() override { land_all(); }

    /// A call that waits.
    Call& come(int question = 1) {
        const std::size_t before = coalescer_.waiting();
        Call& call = start(question);
        wait_until([&] { return coalescer_.waiting() > before; });
        return call;
    }
    /// A call whose trip is under way, until it lands.
    Call& take_off(int question = 1) {
        const int before = departed_;
        Call& call = start(question);
        wait_until([&] { return departed_ > before; });
        return call;
    }
    /// The end of the trip that this call is first in.
    static void land(Call& call) {
        call.landed = true;
        call.landed.notify_all();
    }
    void wait_for_departures(int count) const {
        wait_until([&] { return departed_ >= count; });
    }
    void land_all() {
        for (Call& call : calls_) land(call);
        threads_.clear();
    }

    Coalescer<Call> coalescer_{for_ever};
    std::deque<Call> calls_;
    std::atomic<int> departed_ = 0;
    std::atomic<int> thrown_ = 0;
    bool throws_ = false;

  private:
    static void wait_until(const std::function<bool()>& happened) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!happened()) {
            if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen");
            std::this_thread::yield();
        }
    }
    Call& start(int question) {
        Call& call = calls_.emplace_back(question);
        threads_.emplace_back([this, &call] {
            try {
                coalescer_.go(call, [&](Group group) {
                    for (Call* const one : group) one->together = group.size();
                    ++departed_;
                    call.landed.wait(false);
                    if (throws_) throw std::runtime_error("no");
                });
            } catch (const std::runtime_error&) {
                ++thrown_;
            }
        });
        return call;
    }

    std::deque<std::jthread> threads_;
};

TEST_F(Coalescing, two_calls_go_at_once_and_by_themselves) {
    EXPECT_EQ(take_off().together, 1U);
    EXPECT_EQ(take_off().together, 1U);
}

TEST_F(Coalescing, those_that_come_while_two_trips_are_under_way_go_together_when_one_ends) {
    Call& first = take_off();
    take_off();
    const Call& third = come();
    const Call& fourth = come();
    land(first);
    wait_for_departures(3);
    EXPECT_EQ(third.together, 2U);
    EXPECT_EQ(fourth.together, 2U);
}

TEST_F(Coalescing, beside_one_trip_as_many_go_as_it_has_on_board) {
    Call& first = take_off();
    Call& second = take_off();
    for (int i = 0; i < 3; ++i) come();
    land(first);
    wait_for_departures(3);
    land(second);
    const Call& one = come();
    come();
    EXPECT_EQ(departed_, 3);
    EXPECT_EQ(take_off().together, 3U) << "the third of them";
    EXPECT_EQ(one.together, 3U);
}

TEST_F(Coalescing, those_that_are_fewer_go_when_nothing_is_under_way) {
    Call& first = take_off();
    Call& second = take_off();
    Call& third = come();
    come();
    land(first);
    wait_for_departures(3);
    land(second);
    const Call& last = come();
    land(third);
    wait_for_departures(4);
    EXPECT_EQ(last.together, 1U);
}

TEST_F(Coalescing, calls_of_other_kinds_have_nothing_to_do_with_it) {
    Call& first = take_off(1);
    take_off(1);
    const Call& one = come(1);
    EXPECT_EQ(take_off(2).together, 1U);
    EXPECT_EQ(take_off(2).together, 1U);
    const Call& other = come(2);
    land(first);
    wait_for_departures(5);
    EXPECT_EQ(one.together, 1U);
    EXPECT_EQ(other.together, 0U);
}

TEST_F(Coalescing, calls_wait_for_no_trip_that_they_could_not_have_joined) {
    Call& first = take_off(any);
    Call& second = take_off(any);
    for (int i = 0; i < 2; ++i) {
        come(1);
        come(any);
    }
    land(first);
    wait_for_departures(3);
    land(second);
    EXPECT_EQ(calls_[2].together, 4U);
    EXPECT_EQ(take_off(2).together, 1U);
    const Call& one = come(1);
    const Call& release = come(any);
    EXPECT_EQ(take_off(2).together, 2U) << "it takes the release";
    EXPECT_EQ(release.together, 2U);
    EXPECT_EQ(one.together, 0U);
}

TEST_F(Coalescing, unlike_calls_that_waited_for_one_trip_all_go_at_its_end) {
    Call& first = take_off(any);
    take_off(any);
    const Call& one = come(1);
    const Call& other = come(2);
    land(first);
    wait_for_departures(4);
    EXPECT_EQ(one.together, 1U);
    EXPECT_EQ(other.together, 1U);
}

TEST_F(Coalescing, some_go_with_all_and_bring_no_unlike_ones_together) {
    Call& first = take_off(any);
    take_off(any);
    const Call& one = come(1);
    const Call& release = come(any);
    const Call& other = come(2);
    land(first);
    wait_for_departures(4);
    EXPECT_EQ(one.together, 2U);
    EXPECT_EQ(release.together, 2U);
    EXPECT_EQ(other.together, 1U);
}

TEST_F(Coalescing, one_that_goes_with_all_takes_those_that_go_with_each_other) {
    Call& first = take_off(any);
    take_off(any);
    const Call& release = come(any);
    const Call& one = come(1);
    const Call& other = come(2);
    const Call& like_one = come(1);
    land(first);
    wait_for_departures(4);
    EXPECT_EQ(release.together, 3U);
    EXPECT_EQ(one.together, 3U);
    EXPECT_EQ(like_one.together, 3U);
    EXPECT_EQ(other.together, 1U);
}

TEST_F(Coalescing, not_too_many_go_together) {
    constexpr std::size_t most = Coalescer<Call>::most_together;
    Call& first = take_off();
    Call& second = take_off();
    for (std::size_t i = 0; i < most + 3; ++i) come();
    land(first);
    wait_for_departures(3);
    EXPECT_EQ(calls_[2].together, most);
    land(second);
    land(calls_[2]);
    wait_for_departures(4);
    EXPECT_EQ(calls_.back().together, 3U);
}

TEST_F(Coalescing, what_a_trip_throws_goes_to_its_first_call_alone) {
    Call& first = take_off();
    take_off();
    come();
    const Call& last = come();
    land(first);
    wait_for_departures(3);
    EXPECT_EQ(last.together, 2U);
    throws_ = true;  // each of the two trips that are under way
    land_all();
    EXPECT_EQ(thrown_, 2);
}

/// Trips that hang.
TEST(CoalescingInTime, nobody_waits_long_for_others) {
    Coalescer<Call> coalescer(1ms);
    std::atomic<bool> landed = false;
    std::deque<Call> hanging;
    for (int i = 0; i < 3; ++i) hanging.emplace_back(1);
    std::latch taken_off(static_cast<std::ptrdiff_t>(hanging.size()));
    std::deque<std::jthread> threads;
    for (Call& call : hanging) {
        threads.emplace_back([&] {
            coalescer.go(call, [&](std::span<Call* const> group) {
                for (std::size_t i = 0; i < group.size(); ++i) taken_off.count_down();
                landed.wait(false);
            });
        });
    }
    taken_off.wait();
    Call call(1);
    bool went = false;
    coalescer.go(call, [&](std::span<Call* const>) { went = true; });
    EXPECT_TRUE(went);
    landed = true;
    landed.notify_all();
}

}  // namespace
}  // namespace pharox::postgres
