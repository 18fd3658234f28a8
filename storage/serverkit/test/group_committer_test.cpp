#include "group_committer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <stdexcept>
#include <thread>

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;

constexpr int any = 0;

struct Call : BatchedCall {
    explicit Call(int about) : kind(about) {}
    [[nodiscard]] bool compatible_with_all() const { return kind == any; }
    [[nodiscard]] bool compatible(const Call& other) const {
        return compatible_with_all() || other.compatible_with_all() || kind == other.kind;
    }
    const int kind;
    std::atomic<std::size_t> batch = 0;  ///< size of its batch; 0: not executed yet
    std::atomic<bool> completed = false;
};

class GroupCommit : public testing::Test {
  protected:
    using Batch = std::span<Call* const>;
    void TearDown() override { complete_all(); }

    /// A call that is queued.
    Call& queue(int kind = 1) {
        const std::size_t before = committer_.queued();
        Call& call = start(kind);
        wait_until([&] { return committer_.queued() > before; });
        return call;
    }
    /// A call that leads a batch, until it is completed.
    Call& lead(int kind = 1) {
        Call& call = start(kind);
        wait_for_batches(++expected_);
        return call;
    }
    /// Ends the batch that this call leads.
    static void complete(Call& call) {
        call.completed = true;
        call.completed.notify_all();
    }
    void wait_for_batches(int count) {
        expected_ = count;
        wait_until([&] { return batches_ >= count; });
    }
    void complete_all() {
        for (Call& call : calls_) complete(call);
        threads_.clear();
    }

    GroupCommitter<Call> committer_{{.calls = 8, .leaders = 2, .longest_wait = 1h}};
    std::deque<Call> calls_;
    std::atomic<int> batches_ = 0;
    std::atomic<int> exceptions_ = 0;
    std::atomic<bool> throws_ = false;

  private:
    static void wait_until(const std::function<bool()>& happened) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!happened()) {
            if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen");
            std::this_thread::yield();
        }
    }
    Call& start(int kind) {
        Call& call = calls_.emplace_back(kind);
        threads_.emplace_back([this, &call] {
            try {
                committer_.run(call, [&](Batch batch) {
                    EXPECT_EQ(batch.front(), &call) << "the leader's own call is the first";
                    for (Call* const one : batch) one->batch = batch.size();
                    ++batches_;
                    call.completed.wait(false);
                    if (throws_) throw std::runtime_error("no");
                });
            } catch (const std::runtime_error&) {
                ++exceptions_;
            }
        });
        return call;
    }

    int expected_ = 0;
    std::deque<std::jthread> threads_;
};

TEST_F(GroupCommit, as_many_calls_as_there_may_be_leaders_execute_at_once_and_alone) {
    EXPECT_EQ(lead().batch, 1U);
    EXPECT_EQ(lead().batch, 1U);
}

TEST_F(GroupCommit, calls_queued_behind_the_leaders_become_one_batch) {
    Call& first = lead();
    lead();
    const Call& third = queue();
    const Call& fourth = queue();
    complete(first);
    wait_for_batches(3);
    EXPECT_EQ(third.batch, 2U);
    EXPECT_EQ(fourth.batch, 2U);
}

TEST_F(GroupCommit, a_batch_is_bounded_and_the_rest_is_the_next_one) {
    Call& first = lead();
    Call& second = lead();
    for (int i = 0; i < 11; ++i) queue();
    complete(first);
    wait_for_batches(3);
    EXPECT_EQ(calls_[2].batch, 8U);
    EXPECT_EQ(calls_[9].batch, 8U);
    EXPECT_EQ(calls_[10].batch, 0U);
    complete(second);
    wait_for_batches(4);
    EXPECT_EQ(calls_[10].batch, 3U);
}

TEST_F(GroupCommit, incompatible_calls_keep_their_order_and_lead_batches_of_their_own) {
    Call& first = lead();
    Call& second = lead();
    const Call& one = queue(1);
    const Call& two = queue(2);
    const Call& another_one = queue(1);
    complete(first);
    wait_for_batches(3);
    EXPECT_EQ(one.batch, 2U);
    EXPECT_EQ(another_one.batch, 2U);
    EXPECT_EQ(two.batch, 0U);
    complete(second);
    wait_for_batches(4);
    EXPECT_EQ(two.batch, 1U);
}

TEST_F(GroupCommit, a_call_compatible_with_all_joins_either_kind_and_does_not_mix_them) {
    Call& first = lead(any);
    Call& second = lead(any);
    const Call& release = queue(any);
    const Call& one = queue(1);
    const Call& two = queue(2);
    const Call& another_one = queue(1);
    complete(first);
    wait_for_batches(3);
    EXPECT_EQ(release.batch, 3U);
    EXPECT_EQ(one.batch, 3U);
    EXPECT_EQ(another_one.batch, 3U);
    complete(second);
    wait_for_batches(4);
    EXPECT_EQ(two.batch, 1U);
}

TEST_F(GroupCommit, an_exception_reaches_the_leader_only) {
    Call& first = lead();
    lead();
    queue();
    const Call& last = queue();
    complete(first);
    wait_for_batches(3);
    EXPECT_EQ(last.batch, 2U);
    throws_ = true;
    complete_all();
    EXPECT_EQ(exceptions_, 2) << "the second and the third leader";
}

TEST(GroupCommitInTime, batches_that_hang_do_not_stop_other_calls) {
    GroupCommitter<Call> committer({.leaders = 1, .longest_wait = 1ms});
    std::atomic<bool> completed = false;
    std::atomic<int> hanging = 0;
    std::deque<Call> calls;
    std::deque<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
        Call& call = calls.emplace_back(1);
        threads.emplace_back([&] {
            committer.run(call, [&](std::span<Call* const> batch) {
                hanging += static_cast<int>(batch.size());
                completed.wait(false);
            });
        });
    }
    while (hanging < 2) std::this_thread::yield();
    Call call(1);
    bool executed = false;
    committer.run(call, [&](std::span<Call* const>) { executed = true; });
    EXPECT_TRUE(executed);
    completed = true;
    completed.notify_all();
}

}  // namespace
}  // namespace pharox::serverkit
