#include "retries.hpp"

#include <gtest/gtest.h>

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{};
constexpr SteadyTime give_up = start + 10s;

TEST(Retrying, follows_a_conflict_a_bounded_number_of_times) {
    Retries retries(Idempotent::no, give_up);
    for (int i = 1; i < Retries::most_conflicts; ++i) EXPECT_TRUE(retries.after(ServerFailure::conflict));
    EXPECT_FALSE(retries.after(ServerFailure::conflict));
    EXPECT_FALSE(retries.outcome_unknown());
}

TEST(Retrying, does_not_follow_other_errors_of_the_server) {
    Retries retries(Idempotent::yes, give_up);
    EXPECT_FALSE(retries.after(ServerFailure::transient));
    EXPECT_FALSE(retries.after(ServerFailure::final));
    EXPECT_FALSE(retries.outcome_unknown());
}

struct Loss {
    const char* name;
    Idempotent idempotent;
    bool sent;
    bool again, outcome_unknown;
};

class AfterALostConnection : public testing::TestWithParam<Loss> {};

TEST_P(AfterALostConnection, depends_on_what_may_have_been_executed) {
    const Loss& loss = GetParam();
    Retries retries(loss.idempotent, give_up);
    EXPECT_EQ(retries.after_lost_connection(loss.sent, start), loss.again);
    EXPECT_EQ(retries.outcome_unknown(), loss.outcome_unknown);
}

INSTANTIATE_TEST_SUITE_P(Retrying, AfterALostConnection,
                         testing::Values(Loss{"idempotent", Idempotent::yes, true, true, true},
                                         Loss{"idempotent_unsent", Idempotent::yes, false, true, false},
                                         Loss{"other", Idempotent::no, true, false, true},
                                         Loss{"other_unsent", Idempotent::no, false, true, false}),
                         [](const auto& loss) { return loss.param.name; });

TEST(Retrying, follows_a_loss_that_is_noticed_late_once) {
    Retries retries(Idempotent::yes, give_up);
    EXPECT_TRUE(retries.after_lost_connection(true, give_up + 1s));
    EXPECT_FALSE(retries.after_lost_connection(false, give_up + 2s));
    EXPECT_TRUE(retries.outcome_unknown()) << "the first one";
}

TEST(Retrying, of_a_call_with_an_unknown_outcome_has_had_its_late_attempt) {
    Retries retries(Idempotent::yes, give_up, true);
    EXPECT_TRUE(retries.after_lost_connection(false, give_up - 1s));
    EXPECT_FALSE(retries.after_lost_connection(false, give_up));
    EXPECT_TRUE(retries.outcome_unknown());
}

}  // namespace
}  // namespace pharox::serverkit
