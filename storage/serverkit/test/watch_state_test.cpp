#include "watch_state.hpp"

#include <gtest/gtest.h>

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;
using Pools = std::set<std::string>;

constexpr SteadyTime t0 = SteadyTime() + 1h;
constexpr double no_jitter = 0;

class WatchStates : public testing::Test {
  protected:
    WatchState state{{.poll_interval = 1s,
                      .shortest_quiet = 10ms,
                      .linger = 1s,
                      .idle_before_closing = 30s,
                      .first_backoff = 100ms,
                      .longest_backoff = 1s}};
};

TEST_F(WatchStates, a_pool_is_polled_until_the_store_notifies_of_it) {
    EXPECT_TRUE(state.watch("us"));
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 0ms);
    EXPECT_TRUE(state.set_notified("us", true));
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 1s);
}

TEST_F(WatchStates, pools_are_notified_of_independently) {
    state.watch("us");
    state.watch("eu");
    state.set_notified("us", true);
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 1s);
    EXPECT_EQ(state.quiet("eu", t0, no_jitter), 0ms);
}

TEST_F(WatchStates, waiters_attempt_once_more_when_notification_begins_and_not_again) {
    state.watch("us");
    EXPECT_FALSE(state.set_notified("us", false));
    EXPECT_TRUE(state.set_notified("us", true));
    EXPECT_FALSE(state.set_notified("us", true));
    EXPECT_FALSE(state.set_notified("us", false));
    EXPECT_TRUE(state.set_notified("us", true)) << "something may have changed in the gap";
}

TEST_F(WatchStates, the_next_expiry_ends_the_quiet_time) {
    state.watch("us");
    state.set_notified("us", true);
    state.set_next_expiry("us", t0 + 300ms);
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 300ms);
    EXPECT_EQ(state.quiet("us", t0 + 299ms, no_jitter), 10ms) << "expiries in quick succession";
    EXPECT_EQ(state.quiet("us", t0 + 1h, no_jitter), 10ms);
    state.set_next_expiry("us", std::nullopt);
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 1s);
}

TEST_F(WatchStates, jitter_shortens_the_quiet_time_to_half_at_most) {
    state.watch("us");
    state.set_notified("us", true);
    EXPECT_EQ(state.quiet("us", t0, 0.5), 750ms);
    EXPECT_EQ(state.quiet("us", t0, 0.999), 501ms);
}

TEST_F(WatchStates, an_expiry_of_a_pool_without_waiters_is_not_kept) {
    state.set_next_expiry("us", t0);
    EXPECT_EQ(state.wanted(t0), Pools());
    state.watch("us");
    state.set_notified("us", true);
    state.set_next_expiry("us", t0);
    state.unwatch("us", t0);
    EXPECT_FALSE(state.watch("us"));
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 1s);
}

TEST_F(WatchStates, a_pool_stays_subscribed_for_a_while_after_its_last_waiter) {
    state.watch("us");
    state.watch("eu");
    state.unwatch("us", t0);
    EXPECT_EQ(state.wanted(t0 + 999ms), (Pools{"eu", "us"}));
    EXPECT_FALSE(state.watch("us")) << "no new subscription";
    EXPECT_EQ(state.wanted(t0 + 1s), (Pools{"eu", "us"}));
    state.unwatch("us", t0 + 1s);
    EXPECT_EQ(state.wanted(t0 + 2s), Pools{"eu"});
    EXPECT_TRUE(state.watch("us"));
}

TEST_F(WatchStates, a_lost_connection_ends_all_notification_and_is_retried_at_growing_intervals) {
    state.watch("us");
    state.set_notified("us", true);
    EXPECT_TRUE(state.disconnected(t0, no_jitter));
    EXPECT_EQ(state.quiet("us", t0, no_jitter), 0ms);
    EXPECT_EQ(state.next_attempt(), t0 + 50ms);
    EXPECT_FALSE(state.disconnected(t0, no_jitter)) << "reported once";
    EXPECT_EQ(state.next_attempt(), t0 + 100ms);
    for (int i = 0; i < 100; ++i) state.disconnected(t0, 0.9);
    EXPECT_EQ(state.next_attempt(), t0 + 950ms);
    EXPECT_TRUE(state.connected(t0)) << "the return is reported";
    EXPECT_FALSE(state.connected(t0));
    EXPECT_TRUE(state.disconnected(t0, no_jitter));
    EXPECT_EQ(state.next_attempt(), t0 + 50ms);
}

TEST_F(WatchStates, a_connection_without_watched_pools_is_idle_after_a_while) {
    state.connected(t0);
    state.watch("us");
    state.unwatch("us", t0);
    EXPECT_EQ(state.wanted(t0 + 500ms), Pools{"us"});
    EXPECT_EQ(state.wanted(t0 + 1s), Pools());
    EXPECT_FALSE(state.is_idle(t0 + 30s));
    EXPECT_TRUE(state.is_idle(t0 + 31s));
}

}  // namespace
}  // namespace pharox::serverkit
