// Waiting for the write lock that another process holds.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::sqlite {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// Holds the lock of the file until release(), as another process would.
class LockedFile {
  public:
    explicit LockedFile(const std::filesystem::path& path) : raw_(path) { raw_.execute("BEGIN IMMEDIATE"); }
    void release() { raw_.execute("ROLLBACK"); }

  private:
    RawDatabase raw_;
};

std::chrono::microseconds cpu_time_of_children() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

TEST(SqliteLockWait, WaitingCostsLittleCpu) {
    constexpr int count = 20;
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 1, 1);
    Shared<std::atomic<int>> ready;
    const auto before = cpu_time_of_children();
    {
        const LockedFile lock(folder / "pools.db");
        std::vector<Child> children;
        for (int i = 0; i < count; ++i) {
            children.emplace_back([&] {
                const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = 2s});
                ++*ready.operator->();
                try {
                    storage->acquire({.pool = "pool"});
                    return 1;
                } catch (const StorageError&) {
                    return 0;
                }
            });
        }
        for (Child& child : children) EXPECT_EQ(child.wait(), 0);
    }
    EXPECT_EQ(ready->load(), count);
    EXPECT_LT(cpu_time_of_children() - before, 2s) << "of " << count * 2 << " s of waiting";
}

TEST(SqliteLockWait, NoneOfManyProcessesStarves) {
    constexpr std::size_t count = 12;
    struct Race {
        std::atomic<bool> stop;
        std::array<std::atomic<int>, count> cycles;
    };
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 100, 10);
    Shared<Race> race;
    std::vector<Child> children;
    for (std::size_t i = 0; i < count; ++i) {
        children.emplace_back([&, i] {
            const auto storage = make_storage({.path = folder / "pools.db"});
            while (!race->stop) {
                const auto acquired = storage->acquire({.pool = "pool"});
                if (!acquired || !storage->release_lease({.lease_id = acquired.lease().id}).released)
                    return 1;
                ++race->cycles[i];
            }
            return 0;
        });
    }
    const auto end = Steady::now() + 60s;
    const auto all = [&](int cycles) {
        return std::ranges::all_of(race->cycles, [&](const auto& one) { return one >= cycles; });
    };
    while (!all(20) && Steady::now() < end) ::usleep(1000);
    EXPECT_TRUE(all(20));
    race->stop = true;
    for (Child& child : children) EXPECT_EQ(child.wait(), 0);
}

TEST(SqliteLockWait, AReleaseWaitsLongerThanTheTimeoutButNotLongerThanItsLease) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = 1ms});
    fill(*storage, 1, 10);
    const auto renewed_one = storage->acquire({.pool = "pool", .duration = 1min});
    const auto released_one = storage->acquire({.pool = "pool", .duration = 1min});
    const auto short_one = storage->acquire({.pool = "pool", .duration = 1s});
    LockedFile lock(folder / "pools.db");

    EXPECT_THROW(storage->acquire({.pool = "pool"}), StorageError);
    try {
        storage->release_lease({.lease_id = short_one.lease().id});
        ADD_FAILURE() << "released beside another writer";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.retryable());
        EXPECT_FALSE(error.outcome_unknown());
    }
    EXPECT_GE(current_time(), short_one.lease().expires_at);
    EXPECT_LT(current_time(), short_one.lease().expires_at + 30s);
    EXPECT_THROW(storage->release_lease({.lease_id = LeaseId::make()}), StorageError) << "an unknown lease";

    std::atomic<int> done{0};
    const std::jthread renewing([&] {
        const auto renewed = storage->lease_control()->renew_many(
            {{.lease_id = short_one.lease().id}, {.lease_id = renewed_one.lease().id, .duration = 2min}});
        EXPECT_FALSE(renewed.at(0).renewed);
        EXPECT_TRUE(renewed.at(1).renewed);
        ++done;
    });
    const std::jthread releasing([&] {
        EXPECT_TRUE(storage->release_lease({.lease_id = released_one.lease().id}).released);
        ++done;
    });
    ::usleep(50'000);  // longer than the timeout: without patience both have failed by now
    EXPECT_EQ(done, 0);
    lock.release();
}

TEST(SqliteLockWait, AStopRequestEndsIt) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = 5min});
    fill(*storage, 1, 1);
    const LockedFile lock(folder / "pools.db");
    std::stop_source stop;
    std::atomic<bool> failed{false};
    std::jthread waiting([&] {
        try {
            storage->acquire({.pool = "pool"}, stop.get_token());
        } catch (const StorageError& error) {
            failed = error.retryable() && !error.outcome_unknown();
        }
    });
    ::usleep(20'000);
    const auto asked = Steady::now();
    stop.request_stop();
    waiting.join();
    EXPECT_TRUE(failed);
    EXPECT_LT(Steady::now() - asked, 1min);
}

TEST(SqliteLockWait, AnIndexThatExistsIsFoundWithoutTheLock) {
    const Folder folder;
    const FindRequest request{.pool = "pool", .selector = Selector::least_used};
    {
        const auto storage = make_storage({.path = folder / "pools.db"});
        fill(*storage, 1, 1);
        EXPECT_TRUE(storage->find_available_proxy(request).proxy);
    }
    const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = 0ms});
    const LockedFile lock(folder / "pools.db");
    EXPECT_TRUE(storage->find_available_proxy(request).proxy);
}

}  // namespace
}  // namespace pharox::sqlite
