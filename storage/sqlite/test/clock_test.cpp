// Processes whose clocks differ share one file. Each storage here has the clock of another process.
#include <atomic>
#include <chrono>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/maintenance.hpp"
#include "src/machine_time.hpp"

namespace pharox::sqlite {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// The time since the boot, which all processes share, and their wall clocks.
class SqliteClocks : public testing::Test {
  protected:
    /// A process whose wall clock is ahead by `ahead`.
    /// `lives`.
    struct Process {
        std::shared_ptr<std::atomic<std::int64_t>> ahead_us;
        std::shared_ptr<IStorage> storage;
        void set_clock(microseconds ahead) const { *ahead_us = ahead.count(); }
    };
    Process process(microseconds ahead = 0us) {
        auto offset = std::make_shared<std::atomic<std::int64_t>>(ahead.count());
        std::string name = boot_ + " elsewhere " + std::to_string(++processes_) + " 1";
        TimeSource source{
            .wall = [offset, this] { return right_time() + microseconds(*offset); },
            .since_boot = [this] { return microseconds(elapsed_us_); },
            .boot = boot_,
            .process = [name = std::move(name)] { return name; },
        };
        Options options{.path = folder_ / "pools.db"};
        options.on_clock_disagreement = [this](Timestamp own, Timestamp store) {
            reported_.emplace_back(own, store);
        };
        return {.ahead_us = offset, .storage = make_storage(std::move(options), std::move(source))};
    }
    [[nodiscard]] Timestamp right_time() const { return booted_ + microseconds(elapsed_us_); }
    void pass(microseconds time) { elapsed_us_ += time.count(); }
    void reboot(microseconds later) {
        booted_ = right_time() + later;
        elapsed_us_ = 0;
        boot_ = "another boot";
    }
    static LeasedProxy lease(const Process& process, Duration duration) {
        return process.storage->acquire({.pool = "pool", .duration = duration}).leased();
    }
    static bool is_active(const Process& process, const LeasedProxy& leased) {
        return process.storage->lease_control()->get_lease({.lease_id = leased.lease().id})->status ==
               LeaseStatus::active;
    }

    Folder folder_;
    std::atomic<std::int64_t> elapsed_us_{1'000'000};
    std::string boot_ = "this boot";
    int processes_ = 0;
    std::vector<std::pair<Timestamp, Timestamp>> reported_;
    Timestamp booted_{std::chrono::days(20'000)};
};

TEST_F(SqliteClocks, OneThatIsAheadEndsNoLeaseOfOthersAndIsNamed) {
    const Process right = process();
    fill(*right.storage, 1, 1);
    const LeasedProxy held = lease(right, 1min);
    const Process wrong = process(1h);
    EXPECT_FALSE(wrong.storage->acquire({.pool = "pool"})) << "a second holder of the proxy";
    EXPECT_EQ(wrong.storage->cleanup_expired_leases({}).count, 0);
    EXPECT_TRUE(is_active(right, held));
    try {
        wrong.storage->maintenance()->ping();
        ADD_FAILURE() << "its clock is an hour ahead";
    } catch (const StorageError& error) {
        const std::string what = error.what();
        EXPECT_NE(what.find(format_timestamp(right_time())), std::string::npos) << what;
        EXPECT_NE(what.find(format_timestamp(right_time() + 1h)), std::string::npos) << what;
    }
    right.storage->maintenance()->ping();
    EXPECT_EQ(reported_, (std::vector{std::pair(right_time() + 1h, right_time())})) << "once";

    pass(61s);
    EXPECT_FALSE(is_active(right, held));
    EXPECT_FALSE(is_active(wrong, held));
    // What the odd one leases lasts as long as it asked for.
    const LeasedProxy its = lease(wrong, 2s);
    EXPECT_EQ(its.lease().expires_at, right_time() + 2s);
    pass(2s);
    EXPECT_FALSE(is_active(right, its));
    EXPECT_TRUE(right.storage->acquire({.pool = "pool"}));
}

TEST_F(SqliteClocks, OneThatWroteFirstIsOutvotedAndLeasesKeepTheTimeTheyHaveLeft) {
    const Process wrong = process(1h);
    fill(*wrong.storage, 2, 1);
    const LeasedProxy held = lease(wrong, 1min);
    const LeasedProxy expired = lease(wrong, 1s);
    pass(10s);
    EXPECT_FALSE(is_active(wrong, expired));
    const Process second = process();
    second.storage->cleanup_expired_leases({});  // one against one
    EXPECT_THROW(second.storage->maintenance()->ping(), StorageError);
    EXPECT_FALSE(is_active(second, expired));
    const Process third = process();
    third.storage->ensure_consumer({.name = "third"});
    second.storage->maintenance()->ping();
    third.storage->maintenance()->ping();
    EXPECT_THROW(wrong.storage->maintenance()->ping(), StorageError);

    const auto now = third.storage->lease_control()->get_lease({.lease_id = held.lease().id});
    EXPECT_EQ(now->expires_at, right_time() + 50s);
    EXPECT_FALSE(is_active(third, expired));
    pass(49s);
    EXPECT_TRUE(is_active(wrong, held));
    pass(1s);
    EXPECT_FALSE(is_active(wrong, held));
    EXPECT_FALSE(is_active(third, held));
}

TEST_F(SqliteClocks, AFileThatIsAheadDoesNotStopTheTime) {
    const Process first = process();
    fill(*first.storage, 1, 1);
    // As an older version left it, after a process with a wrong clock.
    RawDatabase raw(folder_ / "pools.db");
    raw.execute("UPDATE state SET now = now + 3600000000, boot_id = NULL, clock_offset = NULL");
    const Process right = process();
    const LeasedProxy held = lease(right, 2s);
    EXPECT_EQ(held.lease().expires_at, right_time() + 2s) << "the only voter";
    pass(2s);
    EXPECT_FALSE(is_active(right, held));
}

TEST_F(SqliteClocks, ASystemClockThatIsSetMovesTheTimeOnceMostProcessesHaveSeenIt) {
    std::vector<Process> all;
    for (int i = 0; i < 3; ++i) all.push_back(process());
    fill(*all[0].storage, 10, 1);
    for (const Process& each : all) lease(each, 1min);
    const LeasedProxy held = lease(all[0], 1min);
    for (const Process& each : all) each.set_clock(1h);
    EXPECT_LT(lease(all[0], 1min).lease().expires_at, right_time() + 2min) << "one of three";
    EXPECT_GT(lease(all[1], 1min).lease().expires_at, right_time() + 1h);
    for (const Process& each : all) each.storage->maintenance()->ping();
    EXPECT_TRUE(is_active(all[2], held));
    pass(1min);
    EXPECT_FALSE(is_active(all[2], held));
}

TEST_F(SqliteClocks, ARebootBeginsWithTheWallClock) {
    const Process before = process();
    fill(*before.storage, 2, 1);
    const LeasedProxy short_one = lease(before, 1min);
    const LeasedProxy long_one = lease(before, 1h);
    reboot(10min);
    const Process after = process();
    EXPECT_FALSE(is_active(after, short_one));
    EXPECT_TRUE(is_active(after, long_one));
    EXPECT_EQ(lease(after, 1min).lease().expires_at, right_time() + 1min);
    EXPECT_TRUE(is_active(after, long_one));
}

TEST_F(SqliteClocks, AClockOfTheUsersKeepsItsMeaning) {
    const auto clock = std::make_shared<ManualClock>();
    const auto storage = make_storage({.path = folder_ / "own.db", .clock = clock});
    fill(*storage, 1, 1);
    EXPECT_EQ(storage->acquire({.pool = "pool", .duration = 1min}).lease().expires_at, clock->now() + 1min);
    clock->advance(1h);
    EXPECT_TRUE(storage->acquire({.pool = "pool"}));
    storage->maintenance()->ping();
}

}  // namespace
}  // namespace pharox::sqlite
