#include "interruptible_lease.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

using namespace pharox;
using namespace pharox::cli;
using std::chrono_literals::operator""s;

void send_signal_to_this_process() { ::kill(::getpid(), SIGTERM); }

StorageError lost_answer(bool outcome_unknown) {
    return {{.store = "test", .operation = "acquire", .retryable = true, .outcome_unknown = outcome_unknown},
            "the answer was lost"};
}

/// Acquires; each attempt fails, and a signal arrives during the first one.
Interruptible<AcquireResult> fail_and_signal(bool outcome_unknown) {
    const SignalInbox inbox;
    return acquire_interruptibly<AcquireResult, AcquireOutcome>(
        inbox, {.pool = "p", .lease_id = LeaseId::make(), .wait = 60s},
        [=](const AcquireRequest&, const AcquireCompletion& done, const std::stop_token&) {
            send_signal_to_this_process();
            done(std::make_exception_ptr(lost_answer(outcome_unknown)));
        });
}

TEST(InterruptibleLease, ALeaseMayExistAfterALostAnswer) {
    const auto [result, signal, may_be_leased] = fail_and_signal(true);
    EXPECT_EQ(signal, SIGTERM);
    EXPECT_EQ(result.miss(), Miss::cancelled);
    EXPECT_TRUE(may_be_leased);
}

TEST(InterruptibleLease, NoLeaseExistsAfterAFailureWithAKnownOutcome) {
    const auto [result, signal, may_be_leased] = fail_and_signal(false);
    EXPECT_EQ(signal, SIGTERM);
    EXPECT_FALSE(may_be_leased);
}

TEST(InterruptibleLease, ASignalEndsACallOfTheStoreThatHangs) {
    const SignalInbox inbox;
    std::promise<void> go_on;
    const auto returned = std::make_shared<std::promise<void>>();
    const auto [result, signal, may_be_leased] = acquire_interruptibly<AcquireResult, AcquireOutcome>(
        inbox, {.pool = "p", .lease_id = LeaseId::make()},
        [returned, may_go_on = go_on.get_future().share()](
            const AcquireRequest&, const AcquireCompletion& done, const std::stop_token& stop) {
            send_signal_to_this_process();
            may_go_on.wait();
            EXPECT_TRUE(stop.stop_requested());
            done(AcquireResult(Miss::cancelled));
            returned->set_value();
        });
    EXPECT_EQ(signal, SIGTERM);
    EXPECT_TRUE(may_be_leased) << "its outcome is unknown";
    go_on.set_value();
    returned->get_future().wait();
}

TEST(InterruptibleLease, ASecondSignalEndsTheTimeToFinish) {
    const SignalInbox inbox;
    std::promise<void> go_on;
    const auto returned = std::make_shared<std::promise<void>>();
    const auto before = std::chrono::steady_clock::now();
    const auto [result, signal, may_be_leased] = acquire_interruptibly<AcquireResult, AcquireOutcome>(
        inbox, {.pool = "p", .lease_id = LeaseId::make()},
        [returned, may_go_on = go_on.get_future().share()](
            const AcquireRequest&, const AcquireCompletion& done, const std::stop_token&) {
            ::kill(::getpid(), SIGINT);
            ::kill(::getpid(), SIGTERM);
            may_go_on.wait();
            done(AcquireResult(Miss::cancelled));
            returned->set_value();
        });
    EXPECT_EQ(signal, SIGINT);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s) << "the time that a call has after one signal";
    go_on.set_value();
    returned->get_future().wait();
}

TEST(InterruptibleLease, ARetryableFailureIsRepeatedUnderTheSameLeaseId) {
    const SignalInbox inbox;
    const LeaseId id = LeaseId::make();
    const auto attempts = std::make_shared<int>(0);
    const auto [result, signal, may_be_leased] = acquire_interruptibly<AcquireResult, AcquireOutcome>(
        inbox, {.pool = "p", .lease_id = id, .lease_id_is_new = true},
        [=](const AcquireRequest& request, const AcquireCompletion& done, const std::stop_token&) {
            EXPECT_EQ(request.lease_id, id);
            EXPECT_EQ(request.lease_id_is_new, *attempts == 0);
            if ((*attempts)++ == 0) return done(std::make_exception_ptr(lost_answer(true)));
            done(AcquireResult(Miss::all_busy));
        });
    EXPECT_FALSE(signal);
    EXPECT_EQ(result.miss(), Miss::all_busy);
    EXPECT_EQ(*attempts, 2);
}

TEST(InterruptibleLease, AnotherLeaseIdIsDrawnIfTheLeaseOfALostAnswerHasEnded) {
    const SignalInbox inbox;
    const auto ids = std::make_shared<std::vector<LeaseId>>();
    for (const bool is_new : {true, false}) {
        ids->clear();
        const auto [result, signal, may_be_leased] = acquire_interruptibly<AcquireResult, AcquireOutcome>(
            inbox, {.pool = "p", .lease_id = LeaseId::make(), .lease_id_is_new = is_new},
            [=](const AcquireRequest& request, const AcquireCompletion& done, const std::stop_token&) {
                ids->push_back(request.lease_id);
                if (ids->size() == 1) return done(std::make_exception_ptr(lost_answer(true)));
                done(AcquireResult(request.lease_id == ids->front() ? Miss::lease_ended : Miss::all_busy));
            });
        EXPECT_FALSE(signal);
        EXPECT_EQ(result.miss(), is_new ? Miss::all_busy : Miss::lease_ended) << "new id: " << is_new;
        EXPECT_EQ(ids->size(), is_new ? 3U : 2U);
    }
}

TEST(InterruptibleLease, AReleaseThatFailsDoesNotKeepTheProcess) {
    release_before_exit([] { throw std::runtime_error("down"); });
    std::promise<void> go_on;
    const auto returned = std::make_shared<std::promise<void>>();
    release_before_exit([returned, may_go_on = go_on.get_future().share()] {
        may_go_on.wait();
        returned->set_value();
    });
    go_on.set_value();
    returned->get_future().wait();
}

}  // namespace
