// Acquires beside expired leases, batches whose answer is lost, and leases that are released twice at once.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class Acquires : public PostgresTest {
  protected:
    /// An expired lease on the proxy that is not collected.
    static void let_one_expire(IStorage& store, ProxyId proxy) {
        store.create_lease({.proxy_id = proxy, .consumer = "default", .duration = 1ms});
        while (leases(store) > 0) std::this_thread::sleep_for(1ms);
    }
    /// Ids that end in 0, 1, 2 …, the first in order first.
    static void fill_numbered(IStorage& store, int proxies) {
        const Timestamp now = Timestamp(1'700'000'000s);
        fill(store, proxies, [&](int i, Proxy& proxy) {
            UuidBytes id = ProxyId::make().bytes();
            id.back() = static_cast<std::uint8_t>(i);
            proxy.id = ProxyId(id);
            proxy.checked_at = now - i * 1s;
            proxy.country = "AR";
        });
    }
    /// Calls `work` while another acquire of the storage is executing.
    static void beside_another_acquire(IStorage& store, const std::function<void()>& work) {
        bool called = false;
        const ProxyFilters filters{.predicate = [&](const Proxy&) {
            if (!std::exchange(called, true)) work();
            return true;
        }};
        const auto acquired = store.acquire({.pool = "pool", .filters = filters});
        ASSERT_TRUE(acquired);
        store.release_lease({.lease_id = acquired.lease().id});
    }
    static Proxy with_status(IStorage& store, ProxyStatus status) {
        return store.catalog()->list_proxies({.pool = "pool", .status = status}).items.at(0);
    }
};

TEST_F(Acquires, predicate_is_called_for_a_proxy_whose_lease_is_expired) {
    const auto store = open();
    fill(*store, 3);
    const ProxyId wanted = store->catalog()->list_proxies({.pool = "pool"}).items.at(1).id;
    let_one_expire(*store, wanted);
    const auto acquired = store->acquire(
        {.pool = "pool", .filters = {.predicate = [&](const Proxy& proxy) { return proxy.id == wanted; }}});
    ASSERT_TRUE(acquired) << acquired.miss();
    EXPECT_EQ(acquired.proxy().id, wanted);
}

/// The expired lease makes no difference to the filter, so nothing collects it.
TEST_F(Acquires, expired_lease_elsewhere_makes_no_call_wait_for_a_locked_proxy) {
    const auto store = open();
    const Timestamp now = Timestamp(1'700'000'000s);
    fill(*store, 3, [&](int i, Proxy& proxy) {
        proxy.country = i == 0 ? "SE" : "NO";
        proxy.checked_at = now - i * 1s;
    });
    const auto proxies = store->catalog()->list_proxies({.pool = "pool"}).items;
    const auto first_of = [&](const std::string& country) {
        return std::ranges::max(proxies, {},
                                [&](const Proxy& proxy) {
                                    return proxy.country == country ? proxy.checked_at : Timestamp::min();
                                })
            .id;
    };
    let_one_expire(*store, first_of("SE"));
    RawConnection other(server());
    other.query("BEGIN; SELECT 1 FROM " + schema_ + ".proxy WHERE id = '" + first_of("NO").to_string() +
                "' FOR UPDATE");
    const auto acquired = store->acquire({.pool = "pool", .filters = {.country = "NO"}});
    ASSERT_TRUE(acquired) << acquired.miss();
    EXPECT_NE(acquired.proxy().id, first_of("NO"));
    EXPECT_TRUE(store->acquire({.pool = "pool", .filters = {.country = "SE"}}))
        << "its own expired lease is collected";
    other.query("ROLLBACK");
}

TEST_F(Acquires, active_proxy_whose_lease_is_expired_goes_before_a_slow_one) {
    const auto store = open();
    fill(*store, 2,
         [](int i, Proxy& proxy) { proxy.status = i == 0 ? ProxyStatus::slow : ProxyStatus::active; });
    let_one_expire(*store, with_status(*store, ProxyStatus::active).id);
    const auto acquired = store->acquire({.pool = "pool", .allow_slow = true});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.proxy().status, ProxyStatus::active);
}

TEST_F(Acquires, lost_answer_of_a_batch_leaves_one_lease_each) {
    TcpGate gate(server().port());
    const auto store = make_storage(through(gate.port()));
    fill(*store, 5, [](int, Proxy& proxy) { proxy.max_concurrency = 2; });
    for (const bool fills_the_pool : {false, true}) {
        const std::size_t count = fills_the_pool ? 10 : 3;
        const auto warm = store->acquire_many({.each = {.pool = "pool"}, .count = 1});
        store->release_lease({.lease_id = warm.leased.at(0).lease().id});
        gate.cut_next_answers(1);
        const auto batch = store->acquire_many({.each = {.pool = "pool"}, .count = count});
        EXPECT_EQ(gate.cuts_left(), 0);
        ASSERT_EQ(batch.leased.size(), count);
        std::vector<ReleaseRequest> all;
        for (const LeasedProxy& leased : batch.leased) {
            EXPECT_FALSE(leased.replayed) << "it was not reported before";
            all.push_back({.lease_id = leased.lease().id});
        }
        EXPECT_EQ(leases(*store), static_cast<std::int64_t>(count));
        // The answer of their release is lost, too; and each is named twice.
        const auto once = all;
        all.insert(all.end(), once.begin(), once.end());
        gate.cut_next_answers(1);
        const auto released = store->release_many(all);
        EXPECT_EQ(gate.cuts_left(), 0);
        ASSERT_EQ(released.size(), 2 * count);
        for (std::size_t i = 0; i < released.size(); ++i) {
            EXPECT_EQ(released[i].released, i < count) << i;
            EXPECT_TRUE(released[i].lease.has_value()) << i;
        }
        EXPECT_EQ(leases(*store), 0);
    }
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(Acquires, made_at_once_begin_at_different_proxies) {
    const auto store = open();
    fill_numbered(*store, 20);
    for (const ProxyFilters& filters : {ProxyFilters{}, ProxyFilters{.country = "AR"}}) {
        const auto three = [&] {
            std::vector<LeaseId> leases;
            std::vector<int> bytes;
            for (int i = 0; i < 3; ++i) {
                const auto acquired = store->acquire({.pool = "pool", .filters = filters});
                if (!acquired) break;
                bytes.push_back(acquired.proxy().id.bytes().back());
                leases.push_back(acquired.lease().id);
            }
            for (const LeaseId& id : leases) store->release_lease({.lease_id = id});
            return bytes;
        };
        const std::vector<int> from_the_first = {0, 1, 2};
        EXPECT_EQ(three(), from_the_first) << filters;
        std::set<std::vector<int>> beside;
        beside_another_acquire(*store, [&] {
            for (int thread = 0; thread < 2; ++thread) std::jthread([&] { beside.insert(three()); }).join();
        });
        EXPECT_EQ(beside, (std::set<std::vector<int>>{from_the_first, {1, 2, 3}})) << filters;
        EXPECT_EQ(three(), from_the_first) << filters;
    }
}

TEST_F(Acquires, made_at_once_miss_nothing) {
    const auto store = open();
    constexpr int proxies = 12;
    fill_numbered(*store, proxies);
    const auto lease_all = [&] {
        std::vector<LeaseId> leases;
        while (const auto acquired = store->acquire({.pool = "pool"})) leases.push_back(acquired.lease().id);
        EXPECT_EQ(leases.size(), std::size_t{proxies});
        for (const LeaseId& id : leases) store->release_lease({.lease_id = id});
    };
    beside_another_acquire(*store, [&] {
        for (int thread = 0; thread < 2; ++thread) std::jthread(lease_all).join();
    });
}

/// What the table keeps of ended leases does not depend on how they ended.
TEST_F(Acquires, ended_ones_are_forgotten_however_they_ended) {
    const auto store = open();
    fill(*store, 100, [](int, Proxy& proxy) { proxy.max_concurrency = 100; });
    const auto remembered = [&] {
        return std::stoi(server().query("SELECT count(*) FROM " + schema_ + ".lease"));
    };
    const auto an_hour_passes = [&] {
        server().query("UPDATE " + schema_ + ".lease SET released_at = released_at - interval '1 hour'");
    };
    std::vector<ReleaseRequest> all;
    for (int batch = 0; batch < 6; ++batch) {
        all.clear();
        for (const LeasedProxy& leased :
             store->acquire_many({.each = {.pool = "pool"}, .count = 1'000}).leased)
            all.push_back({.lease_id = leased.lease().id});
        store->release_many(all);
        an_hour_passes();
    }
    EXPECT_LE(remembered(), 2'000);
    // By expiry, with no calls but cleanup_expired_leases.
    store->acquire_many({.each = {.pool = "pool", .duration = 1ms}, .count = 1'000});
    while (leases(*store) > 0) std::this_thread::sleep_for(1ms);
    store->cleanup_expired_leases({});
    an_hour_passes();
    store->cleanup_expired_leases({});
    EXPECT_EQ(remembered(), 0);
}

TEST_F(Acquires, pool_that_is_renamed_while_the_predicate_looks_is_unknown) {
    const auto store = open();
    ProxyPool pool = fill(*store, 3);
    const ProxyFilters filters{.predicate = [&](const Proxy&) {
        if (std::exchange(pool.name, "renamed") == "pool") store->catalog()->update_pool(pool);
        return true;
    }};
    const auto acquired = store->acquire({.pool = "pool", .filters = filters});
    ASSERT_FALSE(acquired);
    EXPECT_EQ(acquired.miss(), Miss::pool_unknown);
    const auto rename_back = [&] {
        pool.name = "pool";
        store->catalog()->update_pool(pool);
    };
    rename_back();
    EXPECT_FALSE(
        store->find_available_proxy({.pool = "pool", .filters = filters, .selector = Selector::round_robin})
            .proxy);
}

/// One of the two that match is free at every instant, and both are behind the first page of candidates.
TEST_F(Acquires, predicate_misses_none_of_two_that_take_turns) {
    const auto store = open();
    constexpr int proxies = 200;
    fill_numbered(*store, proxies);
    const auto nth = [&](int n) {
        for (const Proxy& proxy : store->catalog()->list_proxies({.pool = "pool", .limit = proxies}).items)
            if (proxy.id.bytes().back() == n) return proxy.id;
        return ProxyId();
    };
    const std::array<ProxyId, 2> two = {nth(150), nth(190)};
    std::optional<LeaseId> held = store->create_lease({.proxy_id = two[1], .consumer = "default"}).lease().id;
    int looks = 0;
    // Where the second page is read, the one that was free when the ids were read is leased, and the other is
    // free.
    const ProxyFilters filters{.predicate = [&](const Proxy& proxy) {
        const int n = proxy.id.bytes().back();
        if (n == 70 && ++looks == 1) {
            store->release_lease({.lease_id = *held});
            held = store->create_lease({.proxy_id = two[0], .consumer = "default"}).lease().id;
        }
        return proxy.id == two[0] || proxy.id == two[1];
    }};
    const auto found = store->find_available_proxy({.pool = "pool", .filters = filters});
    EXPECT_EQ(looks, 2);
    ASSERT_TRUE(found.proxy);
    EXPECT_EQ(found.proxy->id, two[1]);
    looks = 0;
    store->release_lease({.lease_id = *held});
    held = store->create_lease({.proxy_id = two[1], .consumer = "default"}).lease().id;
    const auto acquired = store->acquire({.pool = "pool", .filters = filters});
    EXPECT_EQ(looks, 2);
    ASSERT_TRUE(acquired) << acquired.miss();
    EXPECT_EQ(acquired.proxy().id, two[1]);
}

TEST_F(Acquires, batch_of_unknown_outcome_names_no_lease_of_its_own_making) {
    TcpGate gate(server().port());
    Options options = through(gate.port());
    options.recovery_time = 200ms;
    const auto store = make_storage(options);
    fill(*store, 3);
    ASSERT_EQ(store->acquire_many({.each = {.pool = "pool"}, .count = 1}).leased.size(), 1U);  // prepares
    gate.cut_next_answers(1);
    gate.refuse(true);
    try {
        store->acquire_many({.each = {.pool = "pool"}, .count = 2});
        FAIL() << "threw nothing";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.outcome_unknown());
        EXPECT_EQ(error.lease_id(), std::nullopt);
    }
}

/// Another session's locks on proxies, or on the row of the pool, until it ends.
class Locked : public Acquires {
  protected:
    Locked() {
        fill_numbered(*store_, 2);
        other_.query("BEGIN");
    }
    void lock(const std::string& rows) {
        other_.query("SELECT * FROM " + schema_ + "." + rows + " FOR UPDATE");
    }
    void expect_bounded(const AcquireRequest& request) {
        const auto from = std::chrono::steady_clock::now();
        try {
            store_->acquire(request);
            ADD_FAILURE() << "it leased what another session has locked";
        } catch (const StorageError& error) {
            EXPECT_TRUE(error.retryable()) << error.what();
            EXPECT_FALSE(error.outcome_unknown()) << error.what();
        }
        const auto took = std::chrono::steady_clock::now() - from;
        EXPECT_GE(took, request.wait);
        EXPECT_LT(took, 10s) << "a statement may take 30 s";
    }

    std::shared_ptr<IStorage> store_ = open();
    RawConnection other_{server()};
};

TEST_F(Locked, wait_bounds_the_time_for_the_lock_of_a_proxy) {
    lock("proxy");
    expect_bounded({.pool = "pool", .wait = 300ms});
    expect_bounded(
        {.pool = "pool", .filters = {.predicate = [](const Proxy&) { return true; }}, .wait = 300ms});
    other_.query("ROLLBACK");
    EXPECT_TRUE(store_->acquire({.pool = "pool", .wait = 300ms}));
}

TEST_F(Locked, wait_bounds_the_backfill_of_sort_keys) {
    lock("pool");
    expect_bounded({.pool = "pool", .selector = Selector::least_used, .wait = 300ms});
    other_.query("ROLLBACK");
    EXPECT_TRUE(store_->acquire({.pool = "pool", .selector = Selector::least_used, .wait = 10s}));
}

TEST_F(Locked, proxy_is_given_up_for_another_one) {
    const Proxy first = store_->find_available_proxy({.pool = "pool"}).proxy.value();
    const auto second = store_->acquire({.pool = "pool", .filters = {.exclude = {first.id}}});
    ASSERT_TRUE(second);
    lock("proxy WHERE id = '" + first.id.to_string() + "'");
    std::jthread releasing([&] {
        // The acquire waits for the lock by then.
        while (server().query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0")
            std::this_thread::sleep_for(1ms);
        open()->release_lease({.lease_id = second.lease().id});
    });
    const auto acquired = store_->acquire({.pool = "pool", .wait = 60s});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.proxy().id, second.proxy().id);
}

}  // namespace
}  // namespace pharox::postgres
