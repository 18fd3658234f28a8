// Changes of the catalog and of health wake the waiters of their own pools and of no others; removals beside
// acquires and a repair.
#include "catalog.hpp"

#include <chrono>
#include <future>
#include <set>
#include <thread>

#include "catalog_statements.hpp"
#include "fixture.hpp"
#include "health_log.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

using Pools = std::set<std::string>;

class WokenPools : public PostgresTest {
  protected:
    Pools take() { return std::exchange(woken_, {}); }

    Pools woken_;
    Database database_{options()};
    ExpiryReports reports_;
    CatalogStore store_{database_, [this](std::string_view pool) { woken_.emplace(pool); }};
    sqlkit::Catalog catalog_{store_, reports_};
    HealthLog health_{database_, [this](std::string_view pool) { woken_.emplace(pool); }};
};

TEST_F(WokenPools, are_those_that_a_change_concerns) {
    ProxyPool us = catalog_.add_pool({.name = "us"});
    const ProxyPool eu = catalog_.add_pool({.name = "eu"});
    EXPECT_EQ(take(), Pools());

    Proxy proxy =
        catalog_.add_proxy({.pool_id = us.id, .host = "10.0.0.1", .port = 1, .status = ProxyStatus::active});
    EXPECT_EQ(take(), Pools{"us"});
    catalog_.add_proxies({.proxies = {{.pool_id = eu.id, .host = "10.0.0.2", .port = 1}}});
    EXPECT_EQ(take(), Pools{"eu"});
    catalog_.update_proxy(proxy);
    EXPECT_EQ(take(), Pools{"us"});
    proxy.pool_id = eu.id;
    catalog_.update_proxy(proxy);
    EXPECT_EQ(take(), Pools{"eu"});
    health_.apply_health_check_result({.proxy_id = proxy.id, .status = ProxyStatus::active});
    EXPECT_EQ(take(), Pools{"eu"});

    us.name = "america";
    catalog_.update_pool(us);
    EXPECT_EQ(take(), (Pools{"america", "us"})) << "the old name is unknown now";
    catalog_.remove_proxy(proxy.id, false);
    EXPECT_EQ(take(), Pools());
    catalog_.remove_pool("eu", false);
    EXPECT_EQ(take(), Pools{"eu"}) << "its waiters learn that it is unknown";
    catalog_.get_pool("america");
    catalog_.list_proxies({.pool = "america"});
    EXPECT_EQ(take(), Pools());
}

TEST_F(WokenPools, are_those_whose_leases_end_with_a_consumer) {
    const auto store = open();
    fill(*store, 2);
    (void)store->acquire({.pool = "pool", .duration = std::chrono::minutes(1)});
    catalog_.remove_consumer("default", true);
    EXPECT_EQ(take(), Pools{"pool"});
}

class Removals : public PostgresTest {
  protected:
    static void wait_until(const std::string& condition) {
        while (server().query("SELECT " + condition) != "t") std::this_thread::sleep_for(1ms);
    }
    static constexpr auto some_call_waits_for_a_lock =
        "EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'pharox')";

    RawConnection other_{server()};
};

TEST_F(Removals, of_a_consumer_ends_a_lease_that_was_being_made) {
    const auto store = open();
    fill(*store, 1);
    store->ensure_consumer({.name = "short"});
    other_.query("BEGIN");
    other_.query("SELECT * FROM " + schema_ + ".proxy FOR UPDATE");
    auto acquiring = std::async(std::launch::async, [&] {
        return open()->acquire({.pool = "pool", .consumer = "short", .duration = 10min});
    });
    wait_until(some_call_waits_for_a_lock);  // it has read the consumer
    auto removing =
        std::async(std::launch::async, [&] { return open()->catalog()->remove_consumer("short", false); });
    wait_until("NOT EXISTS (SELECT 1 FROM " + schema_ + ".consumer WHERE name = 'short')");
    other_.query("ROLLBACK");
    ASSERT_TRUE(acquiring.get()) << "it began before the removal";
    const RemoveResult removed = removing.get();
    EXPECT_TRUE(removed.removed);
    EXPECT_EQ(removed.revoked_leases, 1);
    EXPECT_EQ(leases(*store), 0);
}

/// As the removal of a pool does, the other session locks proxies before it changes them.
TEST_F(Removals, do_not_deadlock_with_a_repair) {
    const auto store = open();
    fill(*store, 3);
    server().query("UPDATE " + schema_ + ".proxy SET current_leases = 1");
    other_.query("BEGIN");
    other_.query("SELECT * FROM " + schema_ + ".proxy ORDER BY id FOR UPDATE");
    auto repairing = std::async(std::launch::async, [&] { return open()->maintenance()->repair(); });
    wait_until(some_call_waits_for_a_lock);
    other_.query("UPDATE " + schema_ + ".proxy SET revision = revision + 1");
    other_.query("COMMIT");
    EXPECT_EQ(repairing.get().mismatches.size(), 3U);
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

}  // namespace
}  // namespace pharox::postgres
