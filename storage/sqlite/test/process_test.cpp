// Several processes on one file.
#include <unistd.h>

#include <array>
#include <atomic>
#include <map>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::sqlite {
namespace {

void wait_a_moment() { ::usleep(200); }

/// The file must be in this state after a process has died.
void expect_sound(const std::filesystem::path& path) {
    RawDatabase raw(path);
    EXPECT_EQ(raw.query("PRAGMA integrity_check"), std::vector<std::string>{"ok"});
    EXPECT_TRUE(raw.query("SELECT proxy.id FROM proxy WHERE current_leases <>"
                          " (SELECT count(*) FROM lease WHERE status = 0 AND proxy_id = proxy.id)")
                    .empty())
        << "a counter differs from the leases";
}

TEST(SqliteProcesses, TenMayCreateOneDatabase) {
    for (int round = 0; round < 5; ++round) {
        const Folder folder;
        Shared<std::atomic<bool>> go;
        std::vector<Child> children;
        for (int i = 0; i < 10; ++i) {
            children.emplace_back([&, i] {
                while (!go->load()) wait_a_moment();
                const auto storage =
                    make_storage({.path = folder / "pools.db", .busy_timeout = std::chrono::minutes(5)});
                storage->ensure_consumer({.name = "shared"});
                storage->ensure_consumer({.name = "own " + std::to_string(i)});
                return 0;
            });
        }
        go->store(true);
        for (Child& child : children) EXPECT_EQ(child.wait(), 0);
        EXPECT_EQ(make_storage({.path = folder / "pools.db"})->catalog()->list_consumers({}).items.size(),
                  11U);
    }
}

TEST(SqliteProcesses, NeitherOfTwoStarves) {
    struct Race {
        std::atomic<bool> stop;
        std::array<std::atomic<int>, 2> cycles;
    };
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 10, 10);
    Shared<Race> race;
    std::vector<Child> children;
    for (std::size_t i = 0; i < 2; ++i) {
        children.emplace_back([&, i] {
            const auto storage =
                make_storage({.path = folder / "pools.db", .busy_timeout = std::chrono::minutes(5)});
            ++race->cycles[i];
            while (race->cycles[1 - i] == 0) wait_a_moment();
            while (!race->stop) {
                const auto acquired = storage->acquire({.pool = "pool"});
                if (!acquired || !storage->release_lease({.lease_id = acquired.lease().id}).released)
                    return 1;
                ++race->cycles[i];
            }
            return 0;
        });
    }
    constexpr int enough = 2'000;
    while (race->cycles[0] < enough && race->cycles[1] < enough && children[0].running() &&
           children[1].running()) {
        wait_a_moment();
    }
    const int least = std::min(race->cycles[0].load(), race->cycles[1].load());
    race->stop = true;
    EXPECT_GT(least, enough / 20) << "the other one made " << enough;
    for (Child& child : children) EXPECT_EQ(child.wait(), 0);
    expect_sound(folder / "pools.db");
}

/// Each process uses its own lease ids, and records acknowledged calls in shared memory, which survives it.
struct Storm {
    static constexpr int most = 20'000;
    std::array<LeaseId, most> leases;
    std::array<std::atomic<bool>, most> released;
    std::atomic<int> acquired;
    std::atomic<int> finished;
};

int storm(const std::filesystem::path& path, Storm& storm) {
    const auto storage = make_storage({.path = path, .busy_timeout = std::chrono::minutes(5)});
    for (int i = 0; i < Storm::most; ++i) {
        const auto slot = static_cast<std::size_t>(i);
        storm.leases[slot] = LeaseId::make();
        const auto acquired =
            storage->acquire({.pool = "pool",
                              .duration = std::chrono::hours(1),
                              .selector = i % 3 == 0 ? Selector::weighted_random : Selector::round_robin,
                              .lease_id = storm.leases[slot]});
        if (!acquired) return 1;
        storm.acquired = i + 1;
        if (i % 2 == 0) {
            if (!storage->release_lease({.lease_id = storm.leases[slot]}).released) return 2;
            storm.released[slot] = true;
        }
        if (i % 7 == 0) storage->cleanup_expired_leases({});
    }
    return 0;
}

TEST(SqliteProcesses, WhatWasAcknowledgedSurvivesKill) {
    for (const int after : {1, 2, 17, 60, 150, 333}) {
        const Folder folder;
        const auto path = folder / "pools.db";
        fill(*make_storage({.path = path}), 50, Storm::most);
        Shared<Storm> first;
        Shared<Storm> second;
        {
            const Child one([&] { return storm(path, *first.operator->()); });
            const Child two([&] { return storm(path, *second.operator->()); });
            while ((first->acquired < after || second->acquired < after) && one.running() && two.running()) {
                wait_a_moment();
            }
            one.kill();
            two.kill();
        }
        {
            const auto storage = make_storage({.path = path});
            for (const Storm* log : {first.operator->(), second.operator->()}) {
                ASSERT_GE(log->acquired, after);
                for (int i = 0; i < log->acquired; ++i) {
                    const auto slot = static_cast<std::size_t>(i);
                    const auto lease = storage->lease_control()->get_lease({.lease_id = log->leases[slot]});
                    ASSERT_TRUE(lease) << "lease " << i << " of " << log->acquired << " is lost";
                    if (log->released[slot]) {
                        EXPECT_EQ(lease->status, LeaseStatus::released);
                    } else if (i + 1 < log->acquired || i % 2 == 1) {
                        EXPECT_EQ(lease->status, LeaseStatus::active);
                    }
                }
            }
            EXPECT_TRUE(storage->acquire({.pool = "pool"})) << "a dead process must leave no lock";
        }
        expect_sound(path);
    }
}

TEST(SqliteProcesses, ReadersDoNotWaitForAWriter) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = Duration(0)});
    const auto proxies = fill(*storage, 3, 1);
    const auto held = storage->acquire({.pool = "pool"});
    RawDatabase writer(folder / "pools.db");
    writer.execute("BEGIN IMMEDIATE; UPDATE proxy SET country = 'XX'");

    EXPECT_TRUE(storage->find_available_proxy({.pool = "pool"}).proxy);
    EXPECT_TRUE(
        storage->find_available_proxy({.pool = "pool", .filters = {.tags = {"none"}}}).expired.empty());
    EXPECT_EQ(storage->get_pool_stats({.pool = "pool"})->total_leases, 1);
    EXPECT_EQ(storage->catalog()->list_proxies({.pool = "pool"}).items.size(), 3U);
    EXPECT_FALSE(storage->catalog()->get_proxy(proxies[0].id)->country);
    EXPECT_TRUE(storage->lease_control()->get_lease({.lease_id = held.lease().id}));
    storage->ensure_consumer({.name = std::string(default_consumer_name)});

    const LeaseId id = LeaseId::make();
    try {
        storage->acquire({.pool = "pool", .lease_id = id});
        ADD_FAILURE() << "wrote beside another writer";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.retryable());
        EXPECT_FALSE(error.outcome_unknown());
        EXPECT_EQ(error.operation(), "acquire");
        EXPECT_EQ(error.lease_id(), id);
    }
    writer.execute("ROLLBACK");
    EXPECT_TRUE(storage->acquire({.pool = "pool", .lease_id = id}));
}

}  // namespace
}  // namespace pharox::sqlite
