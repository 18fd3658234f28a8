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
    std::optional<double> sample() {
        return rate.sample(*storage.lease_control(), *storage.get_pool_stats({.pool = "p"}));
    }

    // Ids contain the system clock's time, so leases use it too.
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(current_time());
    InMemoryStorage storage{InMemoryOptions{.clock = clock}};
    AcquireRate rate;
};

TEST_F(AcquireRateTest, CountsAcquiresSinceThePreviousSample) {
    acquire();
    acquire();
    EXPECT_EQ(sample(), std::nullopt);
    clock->advance(2s);
    EXPECT_EQ(sample(), 0.0) << "leases of the first sample are not new";
    for (int i = 0; i < 3; ++i) acquire();
    acquire("other");
    clock->advance(2s);
    EXPECT_EQ(sample(), 1.5);
    clock->advance(1s);
    EXPECT_EQ(sample(), 0.0);
}

TEST_F(AcquireRateTest, CountsLeasesThatHaveEnded) {
    sample();
    for (int i = 0; i < 10; ++i) storage.release_lease({.lease_id = acquire()});
    clock->advance(1s);
    EXPECT_EQ(sample(), 10.0);
}

TEST_F(AcquireRateTest, CountsActiveLeasesOfLongWaits) {
    const LeaseId drawn_long_ago = LeaseId::parse("00000000-0000-7000-8000-000000000001");
    sample();
    acquire("p", drawn_long_ago);
    clock->advance(1s);
    EXPECT_EQ(sample(), 1.0);
    clock->advance(1s);
    EXPECT_EQ(sample(), 0.0);
}

TEST_F(AcquireRateTest, CountsEachLeaseOnceOverMinutes) {
    for (int i = 0; i < 3; ++i) acquire();
    sample();
    for (int i = 0; i < 20; ++i) {
        clock->advance(20s);
        EXPECT_EQ(sample(), 0.0) << i;
    }
    acquire();
    clock->advance(200s);
    EXPECT_EQ(sample(), 1.0 / 200) << "also if samples are minutes apart";
}

TEST_F(AcquireRateTest, TwoSamplesAtOneInstantGiveNoRate) {
    sample();
    EXPECT_EQ(sample(), std::nullopt);
}

}  // namespace
}  // namespace pharox::cli
