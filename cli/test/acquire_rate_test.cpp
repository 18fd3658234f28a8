#include "acquire_rate.hpp"

#include <gtest/gtest.h>

#include "pharox/clock.hpp"
#include "pharox/manager/bootstrap.hpp"
#include "pharox/storage/in_memory.hpp"

namespace pharox::cli {
namespace {

using namespace std::chrono_literals;

class AcquireRateTest : public ::testing::Test {
  protected:
    AcquireRateTest() {
        bootstrap_proxy(storage, bootstrap_pool(storage, {.name = "p"}), {.host = "10.0.0.1", .port = 80});
        bootstrap_proxy(storage, bootstrap_pool(storage, {.name = "other"}),
                        {.host = "10.0.0.1", .port = 80});
        storage.ensure_consumer({.name = "default"});
    }
    LeaseId acquire(const std::string& pool = "p", LeaseId id = LeaseId::make()) {
        return storage.acquire({.pool = pool, .lease_id = id}).lease().id;
    }
    std::optional<double> look() {
        return rate.look(*storage.lease_control(), *storage.get_pool_stats({.pool = "p"}));
    }

    // Ids are drawn by the machine's clock, so leases begin by it too.
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(current_time());
    InMemoryStorage storage{InMemoryOptions{.clock = clock}};
    AcquireRate rate;
};

TEST_F(AcquireRateTest, CountsWhatWasAcquiredSinceTheLookBefore) {
    acquire();
    acquire();
    EXPECT_EQ(look(), std::nullopt);
    clock->advance(2s);
    EXPECT_EQ(look(), 0.0) << "what was there at the first look is not new";
    for (int i = 0; i < 3; ++i) acquire();
    acquire("other");
    clock->advance(2s);
    EXPECT_EQ(look(), 1.5);
    clock->advance(1s);
    EXPECT_EQ(look(), 0.0);
}

TEST_F(AcquireRateTest, CountsLeasesThatEndedAgain) {
    look();
    for (int i = 0; i < 10; ++i) storage.release_lease({.lease_id = acquire()});
    clock->advance(1s);
    EXPECT_EQ(look(), 10.0);
}

TEST_F(AcquireRateTest, CountsOneThatWaitedForLongAndIsActive) {
    const LeaseId drawn_long_ago = LeaseId::parse("00000000-0000-7000-8000-000000000001");
    look();
    acquire("p", drawn_long_ago);
    clock->advance(1s);
    EXPECT_EQ(look(), 1.0);
    clock->advance(1s);
    EXPECT_EQ(look(), 0.0);
}

TEST_F(AcquireRateTest, CountsNothingTwiceOverMinutes) {
    for (int i = 0; i < 3; ++i) acquire();
    look();
    for (int i = 0; i < 20; ++i) {
        clock->advance(20s);
        EXPECT_EQ(look(), 0.0) << i;
    }
    acquire();
    clock->advance(200s);
    EXPECT_EQ(look(), 1.0 / 200) << "also where looks are minutes apart";
}

TEST_F(AcquireRateTest, TwoLooksAtOneInstantGiveNoRate) {
    look();
    EXPECT_EQ(look(), std::nullopt);
}

}  // namespace
}  // namespace pharox::cli
