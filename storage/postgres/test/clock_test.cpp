// The clock that rules go by: the server's, which a test can set and an application cannot.
#include <chrono>

#include "database.hpp"
#include "fixture.hpp"
#include "raw_connection.hpp"
#include "test_clock.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class ClockTest : public PostgresTest {
  protected:
    /// A proxy's lease of ten seconds, seen as expired and collected by no call.
    Lease expired_lease(IStorage& store, TestClock& clock) {
        const Lease lease = store.acquire({.pool = "pool", .duration = 10s}).lease();
        clock.advance(11s);
        return lease;
    }
};

/// Inlined: no statement calls the function.
TEST_F(ClockTest, costs_nothing_in_production) {
    const auto store = open();
    fill(*store, 1);
    Database database(options());
    const Rows rows = database.run({.name = "explain"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(
            "EXPLAIN (VERBOSE) " +
                database.in_schema("SELECT "
                                   "(SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)"
                                   ", greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock))"),
            {}, Plan::once);
    });
    std::string plan;
    for (int row = 0; row < rows.size(); ++row) plan += std::string(rows.text(row, 0)) + '\n';
    EXPECT_EQ(plan.find("now_utc"), std::string::npos) << plan;
    EXPECT_NE(plan.find("clock_timestamp()"), std::string::npos) << plan;
}

TEST_F(ClockTest, moves_as_tests_say) {
    const auto store = open();
    fill(*store, 1);
    TestClock clock(server(), schema_);
    const Lease lease = store->acquire({.pool = "pool", .duration = 1h}).lease();
    EXPECT_EQ(leases(*store), 1);
    clock.advance(61min);
    EXPECT_EQ(leases(*store), 0);
    EXPECT_EQ(store->cleanup_expired_leases({}).count, 1);
    EXPECT_GE(store->get_pool_stats({.pool = "pool"})->collected_at, lease.expires_at);
}

/// A least-privilege role owns nothing in the schema.
TEST_F(ClockTest, cannot_be_set_by_an_application) {
    const auto store = open();
    fill(*store, 1);
    RawConnection application(server().as("pharox_app"));
    const std::string function =
        schema_ + ".now_utc() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''epoch'''";
    EXPECT_THROW(application.query("CREATE OR REPLACE FUNCTION " + function), std::runtime_error);
    EXPECT_THROW(application.query("ALTER FUNCTION " + schema_ + ".now_utc() RENAME TO other"),
                 std::runtime_error);
    EXPECT_THROW(application.query("DROP FUNCTION " + schema_ + ".now_utc()"), std::runtime_error);
    // A function of the same name that is found first by the search path changes nothing.
    application.query(
        "CREATE FUNCTION pg_temp.now_utc() RETURNS timestamptz LANGUAGE sql AS"
        " 'SELECT timestamptz ''epoch'''");
    TestClock clock(server(), schema_);
    EXPECT_THROW(application.query("UPDATE " + schema_ + ".test_clock SET shift = interval '1 day'"),
                 std::runtime_error);
    EXPECT_EQ(leases(*store), 0);
}

/// Neither back, so that leases would read active again, nor ahead, so that all leases would have expired.
TEST_F(ClockTest, stored_time_moves_only_forward_and_up_to_the_clock) {
    const auto store = open();
    fill(*store, 1);
    TestClock clock(server(), schema_);
    expired_lease(*store, clock);
    EXPECT_EQ(leases(*store), 0);
    const std::string read = "SELECT latest_expiry FROM " + schema_ + ".clock";
    const std::string seen = server().query(read);
    EXPECT_NE(seen, "-infinity");
    RawConnection application(server().as("pharox_app"));
    application.query("UPDATE " + schema_ + ".clock SET latest_expiry = '-infinity'");
    EXPECT_EQ(server().query(read), seen);
    application.query("UPDATE " + schema_ + ".clock SET latest_expiry = 'infinity'");
    EXPECT_EQ(server().query("SELECT latest_expiry <= " + schema_ + ".now_utc() FROM " + schema_ + ".clock"),
              "t");
    EXPECT_THROW(application.query("DELETE FROM " + schema_ + ".clock"), std::runtime_error);
    EXPECT_THROW(application.query("INSERT INTO " + schema_ + ".clock VALUES (FALSE, 'infinity')"),
                 std::runtime_error);
}

TEST_F(ClockTest, time_ahead_of_the_clock_is_reported) {
    std::vector<std::string> warnings;
    Options options = this->options();
    options.warn = [&](std::string_view message) { warnings.emplace_back(message); };
    const auto store = make_storage(options);
    fill(*store, 1);
    TestClock clock(server(), schema_);
    expired_lease(*store, clock);
    EXPECT_EQ(leases(*store), 0);
    store->maintenance()->ping();
    clock.set_back(30s);
    store->maintenance()->ping();
    EXPECT_EQ(warnings, std::vector<std::string>());
    clock.set_back(1h);
    store->maintenance()->ping();
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find("ahead of the server's clock"), std::string::npos) << warnings[0];
}

/// As a standby whose clock is behind takes over. What each of these calls has told stays so.
TEST_F(ClockTest, expired_lease_stays_expired_when_the_clock_steps_back) {
    using See = std::function<void(IStorage&, const Lease&)>;
    const std::vector<std::pair<std::string, See>> calls = {
        {"get_pool_stats", [](IStorage& store, const Lease&) { EXPECT_EQ(leases(store), 0); }},
        {"get_lease",
         [](IStorage& store, const Lease& lease) {
             EXPECT_EQ(store.lease_control()->get_lease({.lease_id = lease.id})->status,
                       LeaseStatus::released);
         }},
        {"list_leases",
         [](IStorage& store, const Lease&) {
             EXPECT_TRUE(store.lease_control()->list_leases({.status = LeaseStatus::active}).items.empty());
         }},
        {"renew_lease",
         [](IStorage& store, const Lease& lease) {
             EXPECT_FALSE(
                 store.lease_control()->renew_lease({.lease_id = lease.id, .duration = 1min}).renewed);
         }},
        {"release_lease",
         [](IStorage& store, const Lease& lease) {
             EXPECT_FALSE(store.release_lease({.lease_id = lease.id}).released);
         }},
        {"get_proxy",
         [](IStorage& store, const Lease& lease) {
             EXPECT_EQ(store.catalog()->get_proxy(lease.proxy_id)->current_leases, 0);
         }},
        {"list_proxies",
         [](IStorage& store, const Lease&) {
             EXPECT_EQ(store.catalog()->list_proxies({.pool = "pool"}).items.at(0).current_leases, 0);
         }},
        {"find_available_proxy",
         [](IStorage& store, const Lease&) {
             EXPECT_TRUE(store.find_available_proxy({.pool = "pool"}).proxy);
         }},
        {"audit", [](IStorage& store, const Lease&) { EXPECT_EQ(store.maintenance()->audit().leases, 0); }},
        {"cleanup_expired_leases",
         [](IStorage& store, const Lease&) { EXPECT_EQ(store.cleanup_expired_leases({}).count, 1); }}};
    TestClock clock(server(), schema_);
    const auto store = open();
    fill(*store, 1);
    for (const auto& [name, see] : calls) {
        const Lease lease = expired_lease(*store, clock);
        see(*store, lease);
        clock.set_back(1h);
        const auto later = store->lease_control()->get_lease({.lease_id = lease.id});
        ASSERT_TRUE(later) << name;
        EXPECT_EQ(later->status, LeaseStatus::released) << name;
        EXPECT_EQ(leases(*store), 0) << name;
        EXPECT_FALSE(store->lease_control()->renew_lease({.lease_id = lease.id, .duration = 1min}).renewed)
            << name;
        EXPECT_TRUE(store->acquire({.pool = "pool", .duration = 1ms})) << name;
        clock.advance(2h);
        store->cleanup_expired_leases({});
    }
}

TEST_F(ClockTest, lease_ends_after_it_began_when_the_clock_steps_back) {
    TestClock clock(server(), schema_);
    const auto store = open();
    fill(*store, 1);
    const Lease lease = store->acquire({.pool = "pool"}).lease();
    clock.set_back(1h);
    const ReleaseResult released = store->release_lease({.lease_id = lease.id});
    ASSERT_TRUE(released.released);
    EXPECT_GE(released.lease->released_at.value(), lease.acquired_at);
}

}  // namespace
}  // namespace pharox::postgres
