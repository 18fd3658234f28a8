#include <algorithm>
#include <stdexcept>
#include <thread>

#include "test/eventually.hpp"
#include "test/manager/manager_fixture.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::AcquireResult;
using pharox::Duration;
using pharox::LeaseId;
using pharox::Miss;
using pharox::RetryOptions;

class Retry : public ManagerTest {
  protected:
    /// As given, but noting the pauses instead of sleeping.
    RetryOptions noting(RetryOptions options) {
        options.sleep = [this](Duration time) { pauses.push_back(time); };
        return options;
    }
    void fail_acquires(int times, bool retryable = true) {
        storage->set_before([left = times, retryable](std::string_view call) mutable {
            if (call != "acquire" || left-- <= 0) return;
            throw pharox::StorageError({.store = "test", .operation = "acquire", .retryable = retryable},
                                       "down");
        });
    }

    std::vector<Duration> pauses;
    pharox::ProxyManager manager{storage, {.on_error = errors.hook()}};
};

TEST_F(Retry, AHitNeedsNoSecondAttempt) {
    add_proxy();
    EXPECT_TRUE(manager.acquire_with_retry({.pool = "p"}, noting({})));
    EXPECT_TRUE(pauses.empty());
}

TEST_F(Retry, PausesGrowUpToTheCap) {
    const auto got =
        manager.acquire_with_retry({.pool = "p"}, noting({.attempts = 5, .max_backoff = 1'500ms}));
    EXPECT_EQ(got.miss(), Miss::nothing_matches);
    EXPECT_EQ(pauses, (std::vector<Duration>{500ms, 1'000ms, 1'500ms, 1'500ms}));
    EXPECT_EQ(storage->calls("acquire"), 5);
}

TEST_F(Retry, JitterShortensPausesAtRandom) {
    manager.acquire_with_retry({.pool = "p"}, noting({.attempts = 51, .multiplier = 1.0, .jitter = 0.5}));
    const auto [shortest, longest] = std::minmax_element(pauses.begin(), pauses.end());
    EXPECT_GE(*shortest, 250ms);
    EXPECT_LE(*longest, 500ms);
    EXPECT_LT(*shortest, *longest);
}

TEST_F(Retry, EndlessAttemptsWithoutPausesStayWithoutPauses) {
    manager.acquire_with_retry({.pool = "p"}, noting({.attempts = 1'100, .backoff = 0ms}));
    EXPECT_TRUE(pauses.empty());
}

TEST_F(Retry, GetsAProxyThatIsReleasedBetweenAttempts) {
    add_proxy();
    const auto first = manager.acquire({.pool = "p"});
    RetryOptions retry;
    retry.sleep = [&](Duration) { manager.release(first.lease()); };
    EXPECT_TRUE(manager.acquire_with_retry({.pool = "p"}, retry));
}

TEST_F(Retry, SomeMissesAreFinal) {
    EXPECT_EQ(manager.acquire_with_retry({.pool = "unknown"}, noting({})).miss(), Miss::pool_unknown);
    add_proxy();
    const auto ended = manager.acquire({.pool = "p"});
    manager.release(ended.lease());
    const auto again = manager.acquire_with_retry({.pool = "p", .lease_id = ended.lease().id}, noting({}));
    EXPECT_EQ(again.miss(), Miss::lease_ended);
    EXPECT_TRUE(pauses.empty());
}

TEST_F(Retry, RepeatsAFailureUnderTheSameLeaseId) {
    add_proxy();
    // The first call leases; its response is lost.
    class LosesAnswers : public pharox::ForwardingStorage {
      public:
        using ForwardingStorage::ForwardingStorage;
        AcquireResult try_acquire(const pharox::AcquireRequest& request) override {
            AcquireResult result = ForwardingStorage::try_acquire(request);
            ids.push_back(request.lease_id);
            if (ids.size() == 1) {
                throw pharox::StorageError({.store = "test", .retryable = true, .outcome_unknown = true},
                                           "lost");
            }
            return result;
        }
        std::vector<LeaseId> ids;
    };
    const auto losing = std::make_shared<pharox::Sealed<LosesAnswers>>(memory);
    pharox::ProxyManager careful(losing);
    const auto got = careful.acquire_with_retry({.pool = "p"}, noting({}));
    ASSERT_TRUE(got);
    ASSERT_EQ(losing->ids.size(), 2U);
    EXPECT_EQ(losing->ids[0], losing->ids[1]);
    EXPECT_EQ(got.lease().id, losing->ids[0]);
    EXPECT_EQ(leases(), 1);
}

TEST_F(Retry, AFailureThatStaysIsThrown) {
    add_proxy();
    fail_acquires(3);
    EXPECT_THROW(manager.acquire_with_retry({.pool = "p"}, noting({})), pharox::StorageError);
    EXPECT_EQ(pauses.size(), 2U);
    fail_acquires(1, false);
    EXPECT_THROW(manager.acquire_with_retry({.pool = "p"}, noting({})), pharox::StorageError);
    EXPECT_EQ(pauses.size(), 2U) << "a permanent error is not retried";
}

TEST_F(Retry, AFailureAtTheDeadlineIsThrown) {
    add_proxy();
    fail_acquires(1);
    const auto error = thrown_by<pharox::StorageError>(
        [&] { return manager.acquire_with_retry({.pool = "p"}, noting({.backoff = 1h, .deadline = 1min})); });
    EXPECT_TRUE(error.lease_id()) << "so that the caller can repeat the call";
    EXPECT_TRUE(pauses.empty());
}

TEST_F(Retry, NoAttemptBeginsAfterTheDeadline) {
    const auto got =
        manager.acquire_with_retry({.pool = "p"}, noting({.attempts = 9, .backoff = 20s, .deadline = 50s}));
    EXPECT_EQ(got.miss(), Miss::nothing_matches);
    EXPECT_EQ(pauses, (std::vector<Duration>{20s, 40s})) << "none was slept, so the second seems in time";
    EXPECT_FALSE(
        manager.acquire_with_retry({.pool = "p"}, noting({.attempts = 2, .deadline = Duration::max()})))
        << "the largest duration does not overflow";
}

TEST_F(Retry, RefusedProxiesAreReleasedAndExcluded) {
    const auto good = add_proxy(80);
    const auto bad = add_proxy(81);
    int asked = 0;
    RetryOptions retry = noting({.backoff = 0ms});
    retry.accept = [&](const pharox::LeasedProxy& leased) { return ++asked > 1 || leased.proxy().port > 81; };
    const LeaseId own = LeaseId::make();
    const auto got = manager.acquire_with_retry({.pool = "p", .lease_id = own}, retry);
    ASSERT_TRUE(got);
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(leases(), 1);
    EXPECT_EQ(record(own)->status, pharox::LeaseStatus::released);
    EXPECT_NE(record(own)->proxy_id, got.proxy().id);

    manager.release(got.lease());
    retry.accept = [](const pharox::LeasedProxy&) { return false; };
    EXPECT_EQ(manager.acquire_with_retry({.pool = "p"}, retry).miss(), Miss::nothing_matches);
    EXPECT_EQ(leases(), 0);
}

TEST_F(Retry, AnAcceptThatThrowsLeavesNoLease) {
    add_proxy();
    RetryOptions retry = noting({});
    retry.accept = [](const pharox::LeasedProxy&) -> bool { throw std::runtime_error("no idea"); };
    EXPECT_THROW(manager.acquire_with_retry({.pool = "p"}, retry), std::runtime_error);
    EXPECT_EQ(leases(), 0);
    retry.accept = [](const pharox::LeasedProxy&) -> bool {
        throw pharox::StorageError({.store = "mine", .retryable = true}, "down");
    };
    EXPECT_THROW(manager.acquire_with_retry({.pool = "p"}, retry), pharox::StorageError)
        << "an error of accept is not retried";
    EXPECT_EQ(leases(), 0);

    storage->set_before([](std::string_view call) {
        if (call == "release") throw std::runtime_error("gone");
    });
    EXPECT_THROW(manager.acquire_with_retry({.pool = "p"}, retry), pharox::StorageError);
    EXPECT_EQ(errors.entries(), std::vector<std::string>{"release of a lease that was not accepted: gone"});
}

TEST_F(Retry, CloseCutsThePauseShort) {
    std::optional<AcquireResult> got;
    std::jthread asks([&] { got = manager.acquire_with_retry({.pool = "p"}, {.backoff = 1h}); });
    EXPECT_TRUE(eventually([&] { return storage->calls("acquire") == 1; }));
    manager.close();
    asks.join();
    EXPECT_EQ(got->miss(), Miss::cancelled);
}

TEST_F(Retry, ExcludesAtMostAThousandTheLatestRefusedAmongThem) {
    for (int port = 1; port <= 4; ++port) add_proxy(port);
    for (const std::size_t by_caller : {998U, 1'000U}) {
        pharox::AcquireRequest request{.pool = "p"};
        while (request.filters.exclude.size() < by_caller)
            request.filters.exclude.push_back(pharox::ProxyId::make());
        int refused = 0;
        const auto got = manager.acquire_with_retry(
            request, {.attempts = 20, .backoff = 0ms, .accept = [&](const pharox::LeasedProxy&) {
                          return ++refused > 10;
                      }});
        EXPECT_TRUE(got) << "after 10 refusals, with " << by_caller << " proxies excluded by the caller";
    }
}

TEST_F(Retry, WrongOptionsAreRefused) {
    const auto refusal = [&](const RetryOptions& retry) {
        return refusal_of([&] { return manager.acquire_with_retry({.pool = "p"}, retry); });
    };
    EXPECT_EQ(refusal({.attempts = 0}), "attempts | 0 | is below 1");
    EXPECT_EQ(refusal({.backoff = -1ms}), "backoff_ms | -1 | is below 0");
    EXPECT_EQ(refusal({.multiplier = 0.5}), "multiplier | 0.5 | is below 1.0");
    EXPECT_EQ(refusal({.max_backoff = 0ms}), "max_backoff_ms | 0 | is below 1");
    EXPECT_EQ(refusal({.jitter = 1.5}), "jitter | 1.5 | is above 1.0");
    EXPECT_EQ(refusal({.deadline = 0ms}), "deadline_ms | 0 | is below 1");
    EXPECT_EQ(storage->calls("acquire"), 0);
}

}  // namespace
