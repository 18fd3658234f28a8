#include "pool_state.hpp"

#include <gtest/gtest.h>

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;
using Grant = PoolState::Grant;

constexpr SteadyTime t0 = SteadyTime() + 1h;

class PoolStates : public testing::Test {
  protected:
    static PoolState pool_of(std::size_t connections) {
        return PoolState({.connections = connections, .first_backoff = 20ms, .longest_backoff = 100ms});
    }
    /// With all its connections lent.
    static PoolState exhausted(std::size_t connections) {
        PoolState pool = pool_of(connections);
        for (std::size_t i = 0; i < connections; ++i) {
            PoolState::Waiter caller;
            EXPECT_EQ(pool.request(caller, t0), Grant::connect);
            EXPECT_EQ(pool.connected(t0), nullptr);
        }
        return pool;
    }
    PoolState::Waiter first, second, third;
};

TEST_F(PoolStates, opens_connections_up_to_the_limit_and_then_queues) {
    PoolState pool = pool_of(2);
    EXPECT_EQ(pool.request(first, t0), Grant::connect);
    EXPECT_EQ(pool.request(second, t0), Grant::connect) << "a reachable server accepts several at a time";
    EXPECT_EQ(pool.request(third, t0), Grant::none);
    EXPECT_EQ(pool.queued(), 1U);
    EXPECT_EQ(pool.wait_until(third, t0 + 5s), t0 + 5s);
}

TEST_F(PoolStates, idle_connections_are_used_before_new_ones_are_opened) {
    PoolState pool = pool_of(2);
    pool.request(first, t0);
    pool.connected(t0);
    EXPECT_EQ(pool.returned(t0), nullptr);
    EXPECT_EQ(pool.request(second, t0), Grant::idle);
    EXPECT_EQ(pool.open(), 1U);
    EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(PoolStates, each_returned_connection_wakes_exactly_the_first_waiter) {
    PoolState pool = exhausted(2);
    pool.request(first, t0);
    pool.request(second, t0);
    EXPECT_EQ(pool.returned(t0), &first);
    EXPECT_EQ(first.grant, Grant::idle);
    EXPECT_EQ(second.grant, Grant::none);
    EXPECT_EQ(pool.next(t0), nullptr);
    EXPECT_EQ(pool.request(third, t0), Grant::none) << "a new caller does not overtake";
    EXPECT_EQ(pool.returned(t0), &second);
}

TEST_F(PoolStates, a_discarded_connection_lets_the_first_waiter_open_another) {
    PoolState pool = exhausted(1);
    pool.request(first, t0);
    pool.request(second, t0);
    EXPECT_EQ(pool.discarded(t0), &first);
    EXPECT_EQ(first.grant, Grant::connect);
    EXPECT_EQ(second.grant, Grant::none);
    EXPECT_EQ(pool.open(), 1U);
}

TEST_F(PoolStates, a_broken_idle_connection_does_not_cost_its_caller_the_place_in_the_queue) {
    PoolState pool = exhausted(1);
    pool.request(first, t0);
    pool.request(second, t0);
    pool.returned(t0);
    EXPECT_EQ(pool.idle_was_broken(first, t0), Grant::connect);
    EXPECT_EQ(second.grant, Grant::none);
}

TEST_F(PoolStates, a_waiter_that_leaves_is_not_woken) {
    PoolState pool = exhausted(1);
    pool.request(first, t0);
    pool.request(second, t0);
    EXPECT_EQ(pool.leave(first, t0), nullptr);
    EXPECT_EQ(pool.returned(t0), &second);
    EXPECT_EQ(pool.queued(), 0U);
}

TEST_F(PoolStates, while_connecting_fails_one_caller_tries_at_growing_intervals) {
    PoolState pool = pool_of(3);
    SteadyTime now = t0;
    EXPECT_EQ(pool.request(first, now), Grant::connect);
    EXPECT_EQ(pool.connect_failed(now, 0.5), nullptr);
    EXPECT_TRUE(pool.failing());
    EXPECT_EQ(pool.request(first, now), Grant::none);
    EXPECT_EQ(pool.request(second, now), Grant::none);
    for (const auto backoff : {15ms, 30ms, 60ms, 75ms, 75ms}) {
        EXPECT_EQ(pool.wait_until(first, t0 + 1h), now + backoff);
        EXPECT_EQ(pool.wait_until(second, t0 + 1h), t0 + 1h) << "the head of the queue times the back-off";
        EXPECT_EQ(pool.poll(first, now + backoff - 1ms), Grant::none);
        now += backoff;
        EXPECT_EQ(pool.poll(second, now), Grant::none);
        EXPECT_EQ(pool.poll(first, now), Grant::connect);
        EXPECT_EQ(pool.next(now), nullptr) << "one at a time";
        EXPECT_EQ(pool.connect_failed(now, 0.5), &second) << "the head now: it has to time the back-off";
        EXPECT_EQ(second.grant, Grant::none);
        EXPECT_EQ(pool.request_again(first, now), Grant::none);
    }
}

TEST_F(PoolStates, jitter_spreads_the_attempts_over_the_second_half_of_the_interval) {
    for (const auto& [jitter, backoff] : {std::pair(0.0, 10ms), std::pair(0.5, 15ms)}) {
        PoolState pool = pool_of(1);
        pool.request(first, t0);
        pool.connect_failed(t0, jitter);
        pool.request(first, t0);
        EXPECT_EQ(pool.wait_until(first, t0 + 1h), t0 + backoff);
    }
}

TEST_F(PoolStates, a_head_that_leaves_passes_the_timing_of_the_backoff_on) {
    PoolState pool = pool_of(1);
    pool.request(first, t0);
    pool.connect_failed(t0, 0);
    pool.request(first, t0);
    pool.request(second, t0);
    EXPECT_EQ(pool.leave(first, t0), &second);
    EXPECT_EQ(second.grant, Grant::none);
    EXPECT_EQ(pool.wait_until(second, t0 + 1h), t0 + 10ms);
}

TEST_F(PoolStates, a_success_lets_the_waiters_connect_each_waking_the_next) {
    PoolState pool = pool_of(3);
    pool.request(first, t0);
    pool.connect_failed(t0, 0);
    pool.request(first, t0);
    pool.request(second, t0);
    pool.request(third, t0);
    EXPECT_EQ(pool.poll(first, t0 + 10ms), Grant::connect);
    EXPECT_EQ(pool.connected(t0 + 20ms), &second);
    EXPECT_EQ(second.grant, Grant::connect);
    EXPECT_EQ(pool.next(t0 + 20ms), &third);
    EXPECT_EQ(third.grant, Grant::connect);
}

TEST_F(PoolStates, existing_connections_are_lent_while_connecting_fails) {
    PoolState pool = pool_of(2);
    pool.request(first, t0);
    pool.connected(t0);
    pool.request(second, t0);
    EXPECT_EQ(pool.connect_failed(t0, 0), nullptr);
    EXPECT_EQ(pool.open(), 1U);
    EXPECT_EQ(pool.request_again(second, t0), Grant::none);
    EXPECT_EQ(pool.returned(t0), &second);
    EXPECT_EQ(second.grant, Grant::idle);
}

}  // namespace
}  // namespace pharox::serverkit
