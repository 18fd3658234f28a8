// An answer that is lost for longer than the lease lasts.
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "pharox/pharox.hpp"
#include "pharox/rules/requests.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;

/// Loses the answers of the first attempts, and repeats each with the same lease id when the lease has ended,
/// as an adapter does whose connection breaks.
class LosesAnswersAdapter : public ForwardingStorage {
  public:
    LosesAnswersAdapter(std::shared_ptr<IStorage> inner, std::shared_ptr<ManualClock> clock, int losses)
        : ForwardingStorage(std::move(inner)), clock_(std::move(clock)), losses_(losses) {}

    AcquireResult try_acquire(const AcquireRequest& request) override {
        const rules::Normalised complete(request);
        ids.insert(complete->lease_id);
        if (losses_-- > 0) {
            ForwardingStorage::try_acquire(*complete);
            clock_->advance(request.duration);
        }
        return ForwardingStorage::try_acquire(*complete);
    }

    std::set<LeaseId> ids;

  private:
    std::shared_ptr<ManualClock> clock_;
    int losses_;
};
using LosesAnswers = Sealed<LosesAnswersAdapter>;

struct LostAnswers : testing::Test {
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    std::shared_ptr<InMemoryStorage> memory =
        std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = clock});
    ProxyPool pool = bootstrap_pool(*memory, {.name = "p"});
    Proxy proxy = bootstrap_proxy(*memory, pool, {.host = "10.0.0.1", .port = 80, .max_concurrency = 1});
    ConsumerId consumer = memory->ensure_consumer({.name = "default"});

    std::shared_ptr<LosesAnswers> storage(int losses) {
        return std::make_shared<LosesAnswers>(memory, clock, losses);
    }
};

TEST_F(LostAnswers, ANewLeaseIdIsDrawnWhereTheCallersOwnLeaseHasEnded) {
    const auto store = storage(2);
    const AcquireResult result = store->acquire({.pool = "p"});
    ASSERT_TRUE(result);
    EXPECT_EQ(store->ids.size(), 3U);
    EXPECT_TRUE(store->ids.contains(result.lease().id));
    EXPECT_FALSE(result.replayed);
    EXPECT_EQ(result.expired.size(), 2U) << "the lost leases are reported as expired";
}

TEST_F(LostAnswers, TheManagersAcquireAndHoldDrawNewOnesToo) {
    ProxyManager acquiring(storage(1));
    EXPECT_TRUE(acquiring.acquire({.pool = "p"})) << "acquire";
    clock->advance(1h);
    ProxyManager holding(storage(1));
    EXPECT_TRUE(holding.hold({.pool = "p"}, {.renew = false})) << "hold";
}

TEST_F(LostAnswers, AnAttemptOfTheQueueDrawsNewOnesToo) {
    const auto store = storage(0);
    const AcquireResult held = store->acquire({.pool = "p"});
    std::promise<AcquireResult> promise;
    const auto lossy = storage(1);
    lossy->acquire_async({.pool = "p", .lease_id = LeaseId::make(), .wait = 60s, .lease_id_is_new = true},
                         [&](const AcquireOutcome& outcome) { promise.set_value(*outcome.result()); }, {});
    memory->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(promise.get_future().get());
}

TEST_F(LostAnswers, WithTheCallersLeaseIdTheResultSaysThatItsLeaseEnded) {
    const auto store = storage(1);
    const AcquireResult result = store->acquire({.pool = "p", .lease_id = LeaseId::make()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.miss(), Miss::lease_ended);
    EXPECT_EQ(store->ids.size(), 1U);
}

TEST_F(LostAnswers, AStorageThatFindsEveryNewIdEndedEndsTheCall) {
    const auto store = storage(1'000);
    const AcquireResult result = store->acquire({.pool = "p"});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.miss(), Miss::lease_ended);
}

}  // namespace
