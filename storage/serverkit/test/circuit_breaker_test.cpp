#include "circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace pharox::serverkit {
namespace {

TEST(CircuitBreakers, stay_closed_while_half_of_the_calls_succeed) {
    CircuitBreaker breaker;
    for (int i = 0; i < 1'000; ++i) breaker.report(1, 1);
    EXPECT_TRUE(breaker.closed());
}

TEST(CircuitBreakers, open_when_failures_outnumber_successes_and_close_after_a_pause) {
    CircuitBreaker breaker;
    breaker.report(1'000, 0);
    breaker.report(0, CircuitBreaker::threshold - 1);
    EXPECT_TRUE(breaker.closed()) << "earlier successes do not count, but the threshold is not reached";
    breaker.report(0, 1);
    for (int i = 0; i < CircuitBreaker::pause; ++i) EXPECT_FALSE(breaker.closed());
    EXPECT_TRUE(breaker.closed());
    breaker.report(0, CircuitBreaker::threshold - 1);
    EXPECT_TRUE(breaker.closed()) << "it begins anew";
}

}  // namespace
}  // namespace pharox::serverkit
