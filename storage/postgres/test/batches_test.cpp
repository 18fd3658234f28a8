// Calls of one storage that are made at the same time, and are executed in batches.
#include <array>
#include <atomic>
#include <deque>
#include <latch>
#include <ranges>
#include <set>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

constexpr int threads = 16;

/// The latch is counted down even if the test fails before.
class CountsDown {
  public:
    explicit CountsDown(std::latch& latch) : latch_(&latch) {}
    CountsDown(const CountsDown&) = delete;
    CountsDown& operator=(const CountsDown&) = delete;
    ~CountsDown() { now(); }
    void now() {
        if (latch_ != nullptr) latch_->count_down();
        latch_ = nullptr;
    }

  private:
    std::latch* latch_;
};

class Batches : public PostgresTest {
  protected:
    /// Calls `work(thread)` in each of many threads at the same time.
    static void at_once(const std::function<void(int)>& work) {
        std::latch start(threads);
        std::deque<std::jthread> running;
        for (int thread = 0; thread < threads; ++thread) {
            running.emplace_back([&, thread] {
                start.arrive_and_wait();
                try {
                    work(thread);
                } catch (const std::exception& error) {
                    ADD_FAILURE() << error.what();
                }
            });
        }
    }
    static void lease_and_release(IStorage& store, int cycles) {
        for (int i = 0; i < cycles; ++i) {
            const auto acquired = store.acquire({.pool = "pool"});
            ASSERT_TRUE(acquired) << acquired.miss();
            EXPECT_TRUE(store.release_lease({.lease_id = acquired.lease().id}).released);
        }
    }
    std::string query(const std::string& sql) { return database_.query(sql); }
    static std::string query_beside(const std::string& sql) { return RawConnection(server()).query(sql); }
    /// How many leases at most one transaction has made, or ended. A call that is executed alone has one.
    std::int64_t most_together() {
        return std::stoll(query("SELECT max(n) FROM (SELECT count(*) AS n FROM " + schema_ +
                                ".lease GROUP BY xmin::text) AS each"));
    }
    void nothing_remains(IStorage& store, std::int64_t ended) {
        EXPECT_EQ(leases(store), 0);
        EXPECT_TRUE(store.maintenance()->audit().mismatches.empty());
        EXPECT_EQ(query("SELECT count(*) FROM " + schema_ + ".lease"), std::to_string(ended))
            << "leases that were not reported";
    }

    RawConnection database_{server().as("postgres") + " dbname=pharox"};
};

TEST_F(Batches, calls_at_the_same_time_share_transactions) {
    fill(*open(), 400, [](int i, Proxy& proxy) {
        proxy.max_concurrency = 3;
        proxy.country = i % 2 == 0 ? "AR" : "BR";
    });
    const auto store = open();
    constexpr std::size_t each = 30;
    constexpr std::int64_t calls = threads * each;
    for (const ProxyFilters& filters : {ProxyFilters{}, ProxyFilters{.country = "AR"}}) {
        query("DELETE FROM " + schema_ + ".lease");
        const AcquireRequest request{.pool = "pool", .filters = filters};
        std::array<std::vector<LeasedProxy>, threads> held;
        at_once([&](int thread) {
            for (std::size_t i = 0; i < each; ++i) {
                const auto acquired = store->acquire(request);
                ASSERT_TRUE(acquired) << acquired.miss();
                held[static_cast<std::size_t>(thread)].push_back(acquired.leased());
            }
        });
        EXPECT_GE(most_together(), 3) << filters;
        std::set<LeaseId> ids;
        for (const LeasedProxy& leased : held | std::views::join) {
            EXPECT_FALSE(leased.replayed);
            EXPECT_TRUE(matches(filters, leased.proxy()));
            EXPECT_LE(leased.proxy().current_leases, 3);
            EXPECT_EQ(store->lease_control()->get_lease({.lease_id = leased.lease().id}), leased.lease());
            ids.insert(leased.lease().id);
        }
        EXPECT_EQ(ids.size(), std::size_t{calls});
        EXPECT_EQ(leases(*store), calls);
        at_once([&](int thread) {
            for (const LeasedProxy& leased : held[static_cast<std::size_t>(thread)]) {
                const auto released = store->release_lease({.lease_id = leased.lease().id});
                EXPECT_TRUE(released.released);
                ASSERT_TRUE(released.lease);
                EXPECT_EQ(released.lease->proxy_id, leased.proxy().id);
            }
        });
        EXPECT_GE(most_together(), 3) << filters;
        nothing_remains(*store, calls);
    }
}

TEST_F(Batches, work_without_prepared_statements) {
    Options options = this->options();
    options.prepared = Prepared::never;
    const auto store = make_storage(options);
    fill(*store, 400);
    constexpr int cycles = 20;
    at_once([&](int) { lease_and_release(*store, cycles); });
    EXPECT_GE(most_together(), 3);
    nothing_remains(*store, std::int64_t{threads} * cycles);
}

TEST_F(Batches, acquires_and_releases_share_transactions) {
    const auto store = open();
    fill(*store, 400);
    constexpr std::size_t each = 30;
    std::array<std::vector<LeaseId>, threads> held;
    for (std::size_t i = 0; i < threads / 2 * each; ++i)
        held[i % (threads / 2)].push_back(store->acquire({.pool = "pool"}).lease().id);
    at_once([&](int thread) {
        for (const LeaseId& id : held[static_cast<std::size_t>(thread)])
            EXPECT_TRUE(store->release_lease({.lease_id = id}).released);
        for (std::size_t i = 0; thread >= threads / 2 && i < each; ++i)
            ASSERT_TRUE(store->acquire({.pool = "pool"}));
    });
    EXPECT_GT(std::stoll(query("SELECT count(*) FROM (SELECT FROM " + schema_ +
                               ".lease GROUP BY xmin::text HAVING count(DISTINCT status) = 2) AS shared")),
              0);
    EXPECT_EQ(leases(*store), std::int64_t{threads / 2 * each});
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(Batches, limits_hold_and_no_call_misses_while_a_proxy_is_available) {
    const auto store = open();
    fill(*store, threads / 2, [](int, Proxy& proxy) { proxy.max_concurrency = 2; });
    constexpr int cycles = 50;
    at_once([&](int) {
        for (int i = 0; i < cycles; ++i) {
            const auto acquired = store->acquire({.pool = "pool"});
            ASSERT_TRUE(acquired) << acquired.miss();
            EXPECT_LE(acquired.proxy().current_leases, 2);
            EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
        }
    });
    nothing_remains(*store, std::int64_t{threads} * cycles);
}

TEST_F(Batches, one_proxy_serves_all) {
    const auto store = open();
    fill(*store, 1, [](int, Proxy& proxy) { proxy.max_concurrency = std::nullopt; });
    constexpr int cycles = 50;
    at_once([&](int) { lease_and_release(*store, cycles); });
    nothing_remains(*store, std::int64_t{threads} * cycles);
}

TEST_F(Batches, lost_answers_leave_one_lease_each) {
    const auto direct = open();
    fill(*direct, 200, [](int, Proxy& proxy) { proxy.max_concurrency = 3; });
    TcpGate gate(server().port());
    const auto store = make_storage(through(gate.port()));
    constexpr int cycles = 40;
    at_once([&](int thread) {
        for (int i = 0; i < cycles; ++i) {
            if (thread == 0) gate.cut_next_answers(1);
            const auto acquired = store->acquire({.pool = "pool"});
            ASSERT_TRUE(acquired) << acquired.miss();
            EXPECT_FALSE(acquired.replayed) << "it was not reported before";
            if (thread == 1) gate.cut_next_answers(1);
            EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
        }
    });
    EXPECT_GE(most_together(), 2);
    gate.cut_next_answers(0);
    nothing_remains(*store, std::int64_t{threads} * cycles);
}

TEST_F(Batches, locked_proxy_delays_only_calls_that_need_it) {
    const auto store = open();
    // The locked one is available, and is the first.
    fill(*store, 200, [](int, Proxy& proxy) { proxy.max_concurrency = 3; });
    const auto stuck = store->acquire({.pool = "pool"});
    ASSERT_TRUE(stuck);
    query("BEGIN");
    query("SELECT 1 FROM " + schema_ + ".proxy WHERE id = '" + stuck.proxy().id.to_string() + "' FOR UPDATE");
    std::latch others(threads - 1);
    std::atomic<bool> locked = true;
    at_once([&](int thread) {
        if (thread == 0) {
            others.wait();
            locked = false;
            query("COMMIT");
            return;
        }
        CountsDown done(others);
        for (int i = 0; i < 20; ++i) {
            if (thread == 1 && i == 10) {
                // Among the others, none of which waits for it.
                done.now();
                EXPECT_TRUE(store->release_lease({.lease_id = stuck.lease().id}).released);
                EXPECT_FALSE(locked);
                return;
            }
            const auto acquired = store->acquire({.pool = "pool"});
            ASSERT_TRUE(acquired) << acquired.miss();
            EXPECT_NE(acquired.proxy().id, stuck.proxy().id);
            EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
        }
    });
    EXPECT_GE(most_together(), 2);
    nothing_remains(*store, (threads - 2) * 20 + 10 + 1);
}

TEST_F(Batches, locked_lease_delays_only_its_own_release) {
    const auto store = open();
    fill(*store, 200);
    const LeaseId stuck = store->acquire({.pool = "pool"}).lease().id;
    query("BEGIN");
    query("SELECT 1 FROM " + schema_ + ".lease WHERE id = '" + stuck.to_string() + "' FOR UPDATE");
    std::latch others(threads - 1);
    std::atomic<bool> locked = true;
    at_once([&](int thread) {
        if (thread == 0) {
            EXPECT_TRUE(store->release_lease({.lease_id = stuck}).released);
            EXPECT_FALSE(locked);
            return;
        }
        CountsDown done(others);
        lease_and_release(*store, 20);
        if (thread != 1) return;
        done.now();
        others.wait();
        locked = false;
        query("COMMIT");
    });
    nothing_remains(*store, (threads - 1) * 20 + 1);
}

TEST_F(Batches, each_call_reports_that_there_is_no_connection) {
    Options options = this->options();
    options.max_connections = 1;
    options.connection_wait = std::chrono::milliseconds(200);
    const auto store = make_storage(options);
    fill(*open(), 200);
    const auto held = store->acquire({.pool = "pool"});
    ASSERT_TRUE(held);
    query("BEGIN");
    query("SELECT 1 FROM " + schema_ + ".lease FOR UPDATE");
    std::latch others(threads - 1);
    at_once([&](int thread) {
        if (thread == 0) {
            // Has the only connection, and waits.
            EXPECT_TRUE(store->release_lease({.lease_id = held.lease().id}).released);
            return;
        }
        CountsDown done(others);
        while (query_beside(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%" +
                   schema_ + "%'") == "0") {
            std::this_thread::yield();
        }
        const LeaseId id = LeaseId::make();
        const bool acquires = thread % 2 == 0;
        try {
            if (acquires) {
                store->acquire({.pool = "pool", .lease_id = id});
            } else {
                store->release_lease({.lease_id = id});
            }
            ADD_FAILURE() << "there was a connection";
        } catch (const StorageError& error) {
            EXPECT_TRUE(error.retryable());
            EXPECT_FALSE(error.outcome_unknown());
            EXPECT_EQ(error.lease_id(), id);
            EXPECT_EQ(error.operation(), acquires ? "acquire" : "release_lease");
        }
        if (thread != 1) return;
        done.now();
        others.wait();
        query("COMMIT");
    });
    nothing_remains(*store, 1);
}

TEST_F(Batches, one_id_at_the_same_time_is_one_lease) {
    const auto store = open();
    fill(*store, 200);
    for (int i = 0; i < 20; ++i) {
        const LeaseId id = LeaseId::make();
        std::atomic<int> made = 0;
        std::atomic<int> released = 0;
        at_once([&](int) {
            const auto acquired = store->acquire({.pool = "pool", .lease_id = id});
            ASSERT_TRUE(acquired) << acquired.miss();
            EXPECT_EQ(acquired.lease().id, id);
            if (!acquired.replayed) ++made;
        });
        EXPECT_EQ(made, 1);
        at_once([&](int) {
            if (store->release_lease({.lease_id = id}).released) ++released;
        });
        EXPECT_EQ(released, 1);
    }
    nothing_remains(*store, 20);
}

/// Batches with ids in common: some lease them, some end them.
TEST_F(Batches, one_id_that_is_made_and_ended_at_the_same_time_is_ended_once) {
    const auto store = open();
    fill(*store, 200);
    for (int i = 0; i < 20; ++i) {
        const std::array<LeaseId, 2> ids = {LeaseId::make(), LeaseId::make()};
        std::array<std::atomic<int>, 2> made{};
        std::array<std::atomic<int>, 2> released{};
        at_once([&](int thread) {
            for (std::size_t each = 0; each < 2; ++each) {
                const std::size_t which = (each + static_cast<std::size_t>(thread)) % 2;
                const LeaseId id = ids.at(which);
                if (thread % 4 < 2) {
                    const auto acquired = store->acquire({.pool = "pool", .lease_id = id});
                    if (acquired && !acquired.replayed) ++made.at(which);
                    EXPECT_TRUE(acquired || acquired.miss() == Miss::lease_ended);
                } else if (store->release_lease({.lease_id = id}).released) {
                    ++released.at(which);
                }
            }
        });
        for (std::size_t which = 0; which < 2; ++which) {
            EXPECT_EQ(made.at(which), 1);
            if (released.at(which) == 0) {
                EXPECT_TRUE(store->release_lease({.lease_id = ids.at(which)}).released);
            } else {
                EXPECT_EQ(released.at(which), 1);
            }
        }
    }
    nothing_remains(*store, 40);
}

TEST_F(Batches, error_of_one_call_is_no_error_of_another) {
    const auto store = open();
    fill(*store, 200, [](int, Proxy& proxy) { proxy.max_concurrency = 10; });
    const auto ended = store->acquire({.pool = "pool"});
    store->release_lease({.lease_id = ended.lease().id});
    at_once([&](int thread) {
        for (int i = 0; i < 20; ++i) {
            if (thread % 4 == 0) {
                EXPECT_THROW(store->acquire({.pool = "pool", .consumer = "unknown"}), ConsumerNotFoundError);
            } else if (thread % 4 == 1) {
                EXPECT_EQ(store->acquire({.pool = "pool", .lease_id = ended.lease().id}).miss(),
                          Miss::lease_ended);
                EXPECT_FALSE(store->release_lease({.lease_id = ended.lease().id}).released);
            } else {
                const auto acquired = store->acquire({.pool = "pool"});
                ASSERT_TRUE(acquired) << acquired.miss();
                EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
            }
        }
    });
    nothing_remains(*store, threads / 2 * 20 + 1);
}

}  // namespace
}  // namespace pharox::postgres
