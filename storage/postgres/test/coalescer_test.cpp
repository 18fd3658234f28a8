#include "coalescer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <latch>
#include <stdexcept>
#include <thread>

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

struct Call : CoalescedCall {
    explicit Call(int about = 0) : question(about) {}
    [[nodiscard]] bool goes_with(const Call& other) const { return question == other.question; }
    int question;
    std::size_t together = 0;  ///< how many it travelled with, itself included
};

constexpr auto for_ever = std::chrono::hours(1);

class Coalescing : public testing::Test {
  protected:
    using Group = std::span<Call* const>;
    static void note(Group group) {
        for (Call* const call : group) call->together = group.size();
    }
    /// A call whose trip ends when land() is called.
    void take_off(int question = 0) {
        Call& call = calls_.emplace_back(question);
        std::latch under_way(1);
        threads_.emplace_back([this, &call, &under_way] {
            coalescer_.go(call, [&](Group group) {
                note(group);
                under_way.count_down();
                landed_.wait(false);
            });
        });
        under_way.wait();
    }
    void land() {
        landed_ = true;
        landed_.notify_all();
    }
    /// Calls that come while others are under way, one after the other.
    Call& come(int question = 0) {
        Call& call = calls_.emplace_back(question);
        const std::size_t before = coalescer_.waiting();
        threads_.emplace_back([this, &call] { coalescer_.go(call, note); });
        while (coalescer_.waiting() == before) std::this_thread::yield();
        return call;
    }
    void join() { threads_.clear(); }

    Coalescer<Call> coalescer_{for_ever};
    std::deque<Call> calls_;
    std::atomic<bool> landed_ = false;
    std::deque<std::jthread> threads_;
};

TEST_F(Coalescing, few_calls_go_at_once_and_by_themselves) {
    for (std::size_t i = 0; i < Coalescer<Call>::few; ++i) take_off();
    land();
    join();
    for (const Call& call : calls_) EXPECT_EQ(call.together, 1U);
}

TEST_F(Coalescing, those_that_come_meanwhile_go_together) {
    for (std::size_t i = 0; i < Coalescer<Call>::few; ++i) take_off();
    for (int i = 0; i < 5; ++i) come();
    land();
    join();
    for (std::size_t i = Coalescer<Call>::few; i < calls_.size(); ++i) EXPECT_EQ(calls_[i].together, 5U);
}

TEST_F(Coalescing, calls_of_other_kinds_have_nothing_to_do_with_it) {
    for (const int question : {1, 2}) {
        for (std::size_t i = 0; i < Coalescer<Call>::few; ++i) take_off(question);
    }
    const Call& first = come(1);
    const Call& other = come(2);
    const Call& second = come(1);
    take_off(3);
    EXPECT_EQ(calls_.back().together, 1U) << "while many others wait";
    land();
    join();
    EXPECT_EQ(first.together, 2U);
    EXPECT_EQ(second.together, 2U);
    EXPECT_EQ(other.together, 1U);
}

TEST_F(Coalescing, not_too_many_go_together) {
    for (std::size_t i = 0; i < Coalescer<Call>::few; ++i) take_off();
    for (std::size_t i = 0; i < Coalescer<Call>::most_together + 3; ++i) come();
    land();
    join();
    std::size_t most = 0;
    for (const Call& call : calls_) most = std::max(most, call.together);
    EXPECT_EQ(most, Coalescer<Call>::most_together);
    EXPECT_EQ(calls_.back().together, 3U);
}

TEST_F(Coalescing, what_a_trip_throws_goes_to_its_first_call_alone) {
    Coalescer<Call> coalescer(for_ever);
    std::atomic<bool> landed = false;
    std::deque<Call> calls(Coalescer<Call>::few + 2);
    std::atomic<int> thrown = 0;
    {
        std::deque<std::jthread> threads;
        std::latch taken_off(Coalescer<Call>::few);
        for (std::size_t i = 0; i < Coalescer<Call>::few; ++i) {
            threads.emplace_back([&, i] {
                coalescer.go(calls[i], [&](Group) {
                    taken_off.count_down();
                    landed.wait(false);
                });
            });
        }
        taken_off.wait();
        for (std::size_t i = Coalescer<Call>::few; i < calls.size(); ++i) {
            threads.emplace_back([&, i] {
                try {
                    coalescer.go(calls[i], [](Group group) {
                        note(group);
                        throw std::runtime_error("no");
                    });
                } catch (const std::runtime_error&) {
                    ++thrown;
                }
            });
        }
        while (coalescer.waiting() < 2) std::this_thread::yield();
        landed = true;
        landed.notify_all();
    }
    EXPECT_EQ(calls.back().together, 2U);
    EXPECT_EQ(thrown, 1);
    Call again;
    coalescer.go(again, note);
    EXPECT_EQ(again.together, 1U);
}

/// Trips that hang.
TEST(CoalescingInTime, nobody_waits_long_for_others) {
    Coalescer<Call> coalescer(1ms);
    std::atomic<bool> landed = false;
    std::deque<Call> hanging(Coalescer<Call>::few + 1);
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
    Call call;
    bool went = false;
    coalescer.go(call, [&](std::span<Call* const>) { went = true; });
    EXPECT_TRUE(went);
    landed = true;
    landed.notify_all();
}

}  // namespace
}  // namespace pharox::postgres
