// Few proxies, several processes, many threads: no transaction waits for another in a circle, and the server
// logs no error for what is no error.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "fixture.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class DeadlockTest : public PostgresTest {
  protected:
    static constexpr int processes = 3;
    static constexpr int threads = 8;

    static std::int64_t deadlocks() {
        return std::stoll(server().query("SELECT deadlocks FROM pg_stat_database WHERE datname = 'pharox'"));
    }
    static std::string log() {
        std::ifstream in(server().folder() / "log");
        return {std::istreambuf_iterator<char>(in), {}};
    }
    /// `work(store, thread)` in each thread of each process, which stop at the first exception.
    void storm(const std::function<void(IStorage&, int)>& work) const {
        std::array<::pid_t, processes> children{};
        for (::pid_t& child : children) {
            child = ::fork();
            ASSERT_GE(child, 0);
            if (child == 0) ::_exit(run(work) ? 0 : 1);
        }
        for (const ::pid_t child : children) {
            int status = 0;
            ::waitpid(child, &status, 0);
            EXPECT_EQ(status, 0);
        }
    }

  private:
    bool run(const std::function<void(IStorage&, int)>& work) const {
        std::atomic<bool> good{true};
        try {
            const auto store = open();
            std::vector<std::thread> workers;
            for (int thread = 0; thread < threads; ++thread) {
                workers.emplace_back([&, thread] {
                    try {
                        work(*store, thread);
                    } catch (const std::exception& error) {
                        std::cerr << error.what() << '\n';
                        good = false;
                    }
                });
            }
            for (std::thread& worker : workers) worker.join();
        } catch (const std::exception& error) {
            std::cerr << error.what() << '\n';
            good = false;
        }
        return good;
    }
};

TEST_F(DeadlockTest, acquires_and_releases_of_every_selector_wait_in_no_circle) {
    fill(*open(), 3);
    const std::int64_t before = deadlocks();
    for (const Selector selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                    Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        const auto begin = std::chrono::steady_clock::now();
        storm([&](IStorage& store, int) {
            for (int i = 0; i < 60; ++i) {
                const auto acquired = store.acquire({.pool = "pool", .selector = selector});
                if (acquired) store.release_lease({.lease_id = acquired.lease().id});
            }
        });
        RecordProperty(std::string("milliseconds_") + std::to_string(static_cast<int>(selector)),
                       static_cast<int>((std::chrono::steady_clock::now() - begin) / 1ms));
    }
    EXPECT_EQ(deadlocks(), before);
}

TEST_F(DeadlockTest, batches_expiries_and_removals_wait_in_no_circle) {
    const auto store = open();
    fill(*store, 6, [](int, Proxy& proxy) { proxy.max_concurrency = 2; });
    const std::int64_t before = deadlocks();
    storm([&](IStorage& own, int thread) {
        for (int i = 0; i < 40; ++i) {
            if (thread < 3) {
                std::vector<ReleaseRequest> releases;
                for (const auto& leased :
                     own.acquire_many(
                            {.each = {.pool = "pool", .selector = Selector::least_used}, .count = 3})
                         .leased) {
                    releases.push_back({.lease_id = leased.lease().id});
                }
                own.release_many(releases);
            } else if (thread < 5) {
                (void)own.acquire({.pool = "pool", .duration = 1ms});
            } else if (thread == 5) {
                (void)own.cleanup_expired_leases({});
            } else if (thread == 6) {
                const Page<Proxy> proxies = own.catalog()->list_proxies({.pool = "pool"});
                if (proxies.items.size() < 3) continue;
                Proxy one = proxies.items.at(static_cast<std::size_t>(i) % proxies.items.size());
                if (!own.catalog()->remove_proxy(one.id, true).removed) continue;
                one.id = ProxyId::make();
                own.catalog()->add_proxies({.proxies = {one}, .on_duplicate = DuplicatePolicy::skip});
            } else {
                own.catalog()->remove_consumer("short", true);
                own.ensure_consumer({.name = "short"});
                own.ensure_consumer({.name = "other"});
                (void)own.acquire({.pool = "pool", .consumer = "other", .duration = 1s});
            }
        }
    });
    EXPECT_EQ(deadlocks(), before);
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(DeadlockTest, bulk_updates_beside_leases_wait_in_no_circle) {
    const auto store = open();
    fill(*store, 20, [](int, Proxy& proxy) { proxy.max_concurrency = 2; });
    const std::vector<Proxy> proxies = store->catalog()->list_proxies({.pool = "pool"}).items;
    const std::int64_t before = deadlocks();
    storm([&](IStorage& own, int thread) {
        for (int round = 0; round < 15; ++round) {
            if (thread < 3) {
                std::vector<ReleaseRequest> releases;
                for (const auto& leased :
                     own.acquire_many(
                            {.each = {.pool = "pool", .selector = Selector::round_robin}, .count = 8})
                         .leased) {
                    releases.push_back({.lease_id = leased.lease().id});
                }
                own.release_many(releases);
            } else if (thread < 5) {
                (void)own.acquire_many({.each = {.pool = "pool", .duration = 1ms}, .count = 5});
                (void)own.cleanup_expired_leases({});
            } else {
                // Every other one is known by its identity, the rest by its id alone.
                std::vector<Proxy> changed = proxies;
                for (std::size_t i = 0; i < changed.size(); i += 2)
                    changed[i].host = "10.2." + std::to_string(round) + "." + std::to_string(i);
                if (thread % 2 == 0) std::ranges::reverse(changed);
                own.catalog()->add_proxies({.proxies = changed, .on_duplicate = DuplicatePolicy::update});
            }
        }
    });
    EXPECT_EQ(deadlocks(), before);
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(DeadlockTest, bulk_inserts_of_the_same_proxies_in_other_orders_wait_in_no_circle) {
    const auto store = open();
    fill(*store, 0);
    const PoolId pool = store->catalog()->get_pool("pool")->id;
    const std::int64_t before = deadlocks();
    storm([&](IStorage& own, int thread) {
        for (int round = 0; round < 6; ++round) {
            std::vector<Proxy> proxies;
            for (int i = 0; i < 200; ++i) {
                proxies.push_back({.pool_id = pool,
                                   .host = "10.1." + std::to_string(round) + "." + std::to_string(i),
                                   .port = 8080,
                                   .status = ProxyStatus::active});
            }
            if (thread % 2 == 0) std::ranges::reverse(proxies);
            const auto policy = thread % 3 == 0 ? DuplicatePolicy::update : DuplicatePolicy::skip;
            own.catalog()->add_proxies({.proxies = proxies, .on_duplicate = policy});
        }
    });
    EXPECT_EQ(deadlocks(), before);
    EXPECT_EQ(store->get_pool_stats({.pool = "pool"})->total_proxies, 1'200);
}

/// Each error is a line, with the whole statement.
TEST_F(DeadlockTest, repeat_of_a_known_lease_id_is_no_error_of_the_server) {
    const auto store = open();
    fill(*store, 3);
    const std::size_t before = log().size();
    for (const Selector selector : {Selector::first_available, Selector::least_used}) {
        const LeaseId id = LeaseId::make();
        const AcquireRequest request{.pool = "pool", .selector = selector, .lease_id = id};
        ASSERT_TRUE(store->acquire(request));
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(store->acquire(request).replayed);
        const Lease lease = store->acquire(request).lease();
        EXPECT_TRUE(store->create_lease({.proxy_id = lease.proxy_id, .consumer = "default", .lease_id = id})
                        .replayed);
        const auto many = store->acquire_many(
            {.each = {.pool = "pool", .selector = selector}, .count = 2, .lease_ids = {id, LeaseId::make()}});
        EXPECT_EQ(many.leased.size(), 2U);
        store->release_many(
            {{.lease_id = many.leased.at(0).lease().id}, {.lease_id = many.leased.at(1).lease().id}});
        EXPECT_EQ(store->acquire(request).miss(), Miss::lease_ended);
    }
    EXPECT_EQ(log().substr(before).find("duplicate key"), std::string::npos) << log().substr(before);
}

}  // namespace
}  // namespace pharox::postgres
