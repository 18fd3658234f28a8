// The pool of connections, restarts, poolers, versions and rights.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

#include "database.hpp"
#include "fixture.hpp"
#include "pgbouncer.hpp"
#include "pharox/errors.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class Connections : public PostgresTest {};

TEST_F(Connections, are_bounded_and_shared_in_turn) {
    const TcpGate gate(server().port());
    Options options = through(gate.port());
    options.max_connections = 3;
    const auto store = make_storage(options);
    fill(*store, 50, [](int, Proxy& proxy) { proxy.max_concurrency = std::nullopt; });
    std::vector<std::jthread> threads;
    std::atomic<int> done{0};
    for (int i = 0; i < 12; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 20; ++n) done += store->acquire({.pool = "pool"}) ? 1 : 0;
        });
    }
    threads.clear();
    EXPECT_EQ(done, 240);
    EXPECT_LE(gate.connections(), 3);
}

TEST_F(Connections, waiting_for_one_has_a_deadline) {
    TcpGate gate(server().port());
    Options options = through(gate.port());
    options.max_connections = 1;
    options.connection_wait = 100ms;
    options.statement_timeout = 3s;
    const auto store = make_storage(options);
    fill(*store, 2);
    gate.freeze(true);
    const std::jthread holder([&] {
        try {
            store->acquire({.pool = "pool"});
        } catch (const StorageError&) {  // NOLINT(bugprone-empty-catch): it is given up in the end
        }
    });
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    bool refused = false;
    while (!refused && std::chrono::steady_clock::now() < deadline) {
        try {
            store->get_pool_stats({.pool = "pool"});
        } catch (const StorageError& error) {
            refused = true;
            EXPECT_TRUE(error.retryable());
            EXPECT_FALSE(error.outcome_unknown());
        }
    }
    EXPECT_TRUE(refused);
    gate.freeze(false);
}

TEST_F(Connections, survive_cuts_and_restarts) {
    TcpGate gate(server().port());
    const auto store = make_storage(through(gate.port()));
    fill(*store, 5);
    const auto kept = store->acquire({.pool = "pool", .duration = 10min});
    gate.cut_all();
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
    server().stop("immediate");
    server().start();
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
    EXPECT_EQ(store->lease_control()->get_lease({.lease_id = kept.lease().id}), kept.lease());
    EXPECT_EQ(leases(*store), 3);
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(Connections, do_not_storm_a_server_that_is_away) {
    TcpGate gate(server().port());
    Options options = through(gate.port());
    options.recovery_time = 400ms;
    options.connection_wait = 400ms;
    const auto store = make_storage(options);
    fill(*store, 5);
    gate.refuse(true);
    gate.cut_all();
    const auto before = gate.connections();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&] { EXPECT_THROW(store->get_pool_stats({.pool = "pool"}), StorageError); });
    }
    threads.clear();
    EXPECT_LT(gate.connections() - before, 40) << "16 callers, at growing intervals";
    gate.refuse(false);
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
}

TEST_F(Connections, through_pgbouncer_in_transaction_mode) {
    fill(*open(), 50, [](int i, Proxy& proxy) { proxy.country = i % 2 == 0 ? "AR" : "BR"; });
    const PgBouncer bouncer(server());
    Options options = this->options();
    options.connection = bouncer.as("pharox_app");
    const auto store = make_storage(options);
    std::vector<std::jthread> threads;
    std::atomic<int> done{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            for (int n = 0; n < 25; ++n) {
                const auto acquired = store->acquire(
                    {.pool = "pool",
                     .filters = n % 2 == 0 ? ProxyFilters{} : ProxyFilters{.country = "AR"},
                     .selector = i % 2 == 0 ? Selector::round_robin : Selector::first_available});
                ASSERT_TRUE(acquired);
                done += store->release_lease({.lease_id = acquired.lease().id}).released ? 1 : 0;
            }
        });
    }
    threads.clear();
    EXPECT_EQ(done, 200);
    EXPECT_EQ(leases(*store), 0);
    for (const bool distinct : {false, true}) {
        const auto batch = store->acquire_many(
            {.each = {.pool = "pool", .filters = {.country = "AR"}}, .count = 30, .distinct = distinct});
        EXPECT_EQ(batch.leased.size(), 25U) << "as many as there are";
        EXPECT_EQ(batch.miss, distinct ? Miss::nothing_matches : Miss::all_busy);
        std::vector<ReleaseRequest> all;
        for (const LeasedProxy& leased : batch.leased) all.push_back({.lease_id = leased.lease().id});
        for (const ReleaseResult& released : store->release_many(all)) EXPECT_TRUE(released.released);
        EXPECT_EQ(leases(*store), 0);
    }
    // One that is refused in the middle undoes the others, and the connection goes on.
    const LeaseId taken = LeaseId::make();
    const auto first = store->acquire({.pool = "pool", .lease_id = taken});
    const std::vector<LeaseId> ids = {LeaseId::make(), taken, LeaseId::make()};
    const auto again = store->acquire_many({.each = {.pool = "pool"}, .count = 3, .lease_ids = ids});
    ASSERT_EQ(again.leased.size(), 3U);
    EXPECT_EQ(again.leased[1].lease(), first.lease());
    EXPECT_TRUE(again.leased[1].replayed);
    EXPECT_EQ(leases(*store), 3);
    const std::vector<Proxy> more(store->catalog()->list_proxies({.pool = "pool", .limit = 10}).items);
    EXPECT_EQ(
        store->catalog()->add_proxies({.proxies = more, .on_duplicate = DuplicatePolicy::update}).updated,
        10);
}

TEST_F(Connections, newer_schema_is_refused) {
    server().query("UPDATE " + schema_ + ".schema_version SET version = 99");
    try {
        static_cast<void>(open());
        FAIL() << "threw nothing";
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("99"), std::string::npos) << error.what();
    }
    EXPECT_THROW(migrate(server().options("pharox_owner", schema_)), StorageError);
}

TEST_F(Connections, missing_schema_is_not_made_by_an_application) {
    EXPECT_THROW(make_storage(server().options("pharox_app", "absent")), StorageError);
}

TEST_F(Connections, dry_run_says_the_sql_and_changes_nothing) {
    const Options options = server().options("pharox_owner", schema_ + "_dry");
    const MigrationPlan plan = plan_migration(options);
    EXPECT_EQ(plan.from, 0);
    EXPECT_NE(plan.sql.find("CREATE TABLE \"" + schema_ + "_dry\".lease"), std::string::npos);
    EXPECT_EQ(plan.sql.find("pharox."), std::string::npos);
    EXPECT_EQ(server().query("SELECT count(*) FROM pg_namespace WHERE nspname = '" + schema_ + "_dry'"), "0");
    EXPECT_EQ(migrate(options).sql, plan.sql);
    EXPECT_EQ(migrate(options).sql, "");
}

TEST_F(Connections, errors_hold_no_password) {
    for (const std::string& wrong :
         {std::string("postgresql://u:s3cret@127.0.0.1:1/db?connect_timeout=1"),
          std::string("host=127.0.0.1 port=1 user=u password=s3cret"),
          std::string("postgresql://u:s3cret@%zz/"), std::string("password=s3cret nonsense")}) {
        Options options = this->options();
        options.connection = wrong;
        options.recovery_time = 50ms;
        options.connection_wait = 50ms;
        try {
            make_storage(options);
            ADD_FAILURE() << "threw nothing";
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos) << error.what();
        }
    }
}

TEST_F(Connections, options_out_of_range_are_refused) {
    const auto refused = [&](const std::string& field, const std::function<void(Options&)>& edit) {
        Options options = this->options();
        edit(options);
        try {
            make_storage(options);
            ADD_FAILURE() << field << " was taken";
        } catch (const ValidationError& error) {
            EXPECT_EQ(error.field(), field) << error.what();
        }
    };
    refused("retention_ms", [](Options& it) { it.retention = 599'999ms; });
    refused("retention_ms", [](Options& it) { it.retention = Duration::max(); });
    refused("health_retention_ms", [](Options& it) { it.health_retention = 0ms; });
    refused("health_retention_ms", [](Options& it) { it.health_retention = Duration::max(); });
    refused("health_records_per_proxy", [](Options& it) { it.health_records_per_proxy = 0; });
    refused("health_records_per_proxy", [](Options& it) { it.health_records_per_proxy = SIZE_MAX; });
    refused("max_connections", [](Options& it) { it.max_connections = 0; });
    refused("connect_timeout_ms", [](Options& it) { it.connect_timeout = -1ms; });
    refused("schema", [](Options& it) { it.schema = "a\"; DROP"; });
    refused("connection", [](Options& it) { it.connection = "nonsense"; });
}

TEST_F(Connections, index_of_a_schema_that_is_no_name_is_refused) {
    EXPECT_NO_THROW(index_statement(Selector::random, "", schema_));
    for (const char* const schema : {"", "a\" ; DROP TABLE x; --", "Upper", "pg_catalog", "1st"}) {
        try {
            index_statement(Selector::random, "", schema);
            ADD_FAILURE() << schema << " was taken";
        } catch (const ValidationError& error) {
            EXPECT_EQ(error.field(), "schema") << error.what();
        }
    }
}

/// As those of a hot standby.
TEST_F(Connections, read_only_ones_answer_reads) {
    const auto primary = open();
    fill(*primary, 2);
    const Lease expired = primary->acquire({.pool = "pool", .duration = 1ms}).lease();
    std::this_thread::sleep_for(5ms);
    Options options = this->options();
    options.migrations = Migrations::expect;
    options.connection += " options='-c default_transaction_read_only=on'";
    const auto standby = make_storage(options);
    EXPECT_EQ(standby->catalog()->get_proxy(expired.proxy_id)->current_leases, 0);
    EXPECT_EQ(standby->catalog()->list_proxies({.pool = "pool"}).items.size(), 2U);
    EXPECT_EQ(standby->get_pool_stats({.pool = "pool"})->total_leases, 0);
    EXPECT_EQ(standby->lease_control()->list_leases({.pool = "pool"}).items.size(), 1U);
    EXPECT_TRUE(standby->lease_control()->get_lease({.lease_id = expired.id}));
    EXPECT_TRUE(standby->maintenance()->audit().mismatches.empty());
    EXPECT_THROW(standby->maintenance()->ping(), StorageError);
    EXPECT_THROW(standby->acquire({.pool = "pool"}), StorageError);
}

TEST_F(Connections, wait_includes_the_time_to_get_one) {
    TcpGate gate(server().port());
    Options options = through(gate.port());
    options.max_connections = 4;
    const auto store = make_storage(options);
    fill(*store, 5);
    gate.freeze_new_connections(true);
    gate.cut_all();
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            try {
                store->acquire({.pool = "pool", .wait = 300ms});
            } catch (const StorageError& error) {
                EXPECT_TRUE(error.retryable()) << error.what();
            }
        });
    }
    threads.clear();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s) << "connect_timeout is 5 s, connection_wait 10 s";
    gate.freeze_new_connections(false);
}

TEST_F(Connections, refused_ones_are_not_tried_again) {
    Options options = this->options();
    options.connection = server().as("nobody_of_that_name");
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(make_storage(options), StorageError);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(Connections, open_transactions_of_others_are_noticed) {
    std::vector<std::string> warnings;
    Options options = this->options();
    options.warn = [&](std::string_view what) { warnings.emplace_back(what); };
    options.transaction_warning = 1ms;
    {
        const auto store = make_storage(options);
        store->maintenance()->ping();
        EXPECT_EQ(warnings, std::vector<std::string>());
    }
    // By a role whose sessions are visible, and by another one.
    for (const std::string user : {"pharox_app", "postgres"}) {
        RawConnection forgetful(server().as(user));
        forgetful.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        const std::string process = forgetful.query("SELECT pg_backend_pid()");
        const bool may_look = user == "pharox_app";
        if (!may_look) {
            server().query(
                "DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM pg_current_xact_id(); COMMIT;"
                " END LOOP; END $$");
        }
        for (const bool by_ping : {true, false}) {
            warnings.clear();
            const auto store = make_storage(options);
            if (by_ping) {
                store->maintenance()->ping();
            } else {
                store->cleanup_expired_leases({});
                store->cleanup_expired_leases({});
            }
            ASSERT_EQ(warnings.size(), 1U) << user;
            EXPECT_NE(warnings[0].find("process " + process), std::string::npos) << warnings[0];
            EXPECT_NE(warnings[0].find(may_look ? " s (" : " later ones ("), std::string::npos)
                << warnings[0];
        }
    }
}

TEST_F(Connections, are_validated_before_they_are_lent) {
    const auto store = open();
    store->catalog()->add_pool({.name = "first"});
    const std::string ours = "usename = 'pharox_app'";
    server().query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE " + ours);
    while (server().query("SELECT count(*) FROM pg_stat_activity WHERE " + ours) != "0") {
        std::this_thread::sleep_for(2ms);
    }
    // What may not be repeated once it is sent.
    EXPECT_NO_THROW(store->catalog()->add_pool({.name = "second"}));
}

/// All wait for the same dead connection, and one of them for all the others.
TEST_F(Connections, dead_one_delays_no_other_call) {
    Options options = this->options();
    options.max_connections = 1;
    options.connection_wait = 60s;
    const auto store = make_storage(options);
    fill(*store, 1);
    for (int round = 0; round < 20; ++round) {
        server().query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pharox_app'");
        constexpr int callers = 8;
        std::latch together(callers);
        std::vector<std::jthread> threads;
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < callers; ++i) {
            threads.emplace_back([&] {
                together.arrive_and_wait();
                EXPECT_TRUE(store->get_pool_stats({.pool = "pool"}));
            });
        }
        threads.clear();
        EXPECT_LT(std::chrono::steady_clock::now() - start, 30s) << "a caller slept to the deadline";
    }
}

/// A host that is there and says nothing, as one that hangs or is behind a firewall.
TEST_F(Connections, go_on_to_the_next_host_where_one_is_silent) {
    const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(silent, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(silent, any, size), 0);
    ASSERT_EQ(::listen(silent, 100), 0);
    ASSERT_EQ(::getsockname(silent, any, &size), 0);
    Options options = this->options();
    options.connection += " host=127.0.0.1,127.0.0.1 port=" + std::to_string(ntohs(address.sin_port)) + ',' +
                          std::to_string(server().port()) + " target_session_attrs=read-write";
    options.connect_timeout = 4s;
    EXPECT_NO_THROW(make_storage(options)->maintenance()->ping());
    // The shorter of ours and libpq's counts, for each host.
    options.connect_timeout = 600s;
    options.connection_wait = 600s;
    options.connection += " connect_timeout=1";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_NO_THROW(make_storage(options)->maintenance()->ping());
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);
    ::close(silent);
}

TEST_F(Connections, come_back_after_a_restart_and_do_not_rush_it) {
    constexpr int callers = 32;
    constexpr int most = 4;
    const TcpGate gate(server().port());
    Options options = through(gate.port());
    options.max_connections = most;
    options.connection_wait = 60s;
    options.recovery_time = 60s;
    const auto store = make_storage(options);
    fill(*store, 5);
    server().stop("fast");
    const auto before = gate.connections();
    std::atomic<int> done{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&] { done += store->get_pool_stats({.pool = "pool"}).has_value() ? 1 : 0; });
    }
    const auto away = std::chrono::steady_clock::now();
    while (gate.connections() - before < 7)
        std::this_thread::sleep_for(2ms);  // 20, 40 … ms apart, half at least
    // Some try at once before the first of them has failed.
    EXPECT_GE(std::chrono::steady_clock::now() - away, 150ms) << "one at a time, at growing intervals";
    server().start();
    threads.clear();
    EXPECT_EQ(done, callers);
    EXPECT_LE(gate.connections() - before, 7 + 2 * most + 10);
}

TEST_F(Connections, fewer_than_wanted_will_do) {
    fill(*open(), 50, [](int, Proxy& proxy) { proxy.max_concurrency = std::nullopt; });
    server().query("ALTER ROLE pharox_app CONNECTION LIMIT 2");
    {
        const auto store = open();
        std::vector<std::jthread> threads;
        std::atomic<int> done{0};
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                for (int n = 0; n < 20; ++n) done += store->acquire({.pool = "pool"}) ? 1 : 0;
            });
        }
        threads.clear();
        EXPECT_EQ(done, 160);
    }
    server().query("ALTER ROLE pharox_app CONNECTION LIMIT -1");
}

TEST_F(Connections, one_that_hangs_while_it_is_made_delays_no_other_call) {
    TcpGate gate(server().port());
    Options options = through(gate.port());
    options.connect_timeout = 60s;
    options.connection_wait = 60s;
    options.recovery_time = 1ms;
    const auto store = make_storage(options);
    fill(*store, 50, [](int, Proxy& proxy) { proxy.max_concurrency = std::nullopt; });
    const auto cycle = [&] {
        const auto acquired = store->acquire({.pool = "pool"});
        if (!acquired) return false;
        store->release_lease({.lease_id = acquired.lease().id});
        return true;
    };
    ASSERT_TRUE(cycle());
    gate.refuse(true);  // and once a connection could not be made, one caller at a time tries
    std::atomic<bool> stopping{false};
    std::atomic<int> done{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            try {
                while (!stopping) done += cycle() ? 1 : 0;
            } catch (const StorageError&) {
                return;  // the gate was opened by cutting everything
            }
        });
    }
    const auto wait_for_a_new_connection = [&] {
        const auto seen = gate.connections();
        while (gate.connections() == seen) std::this_thread::sleep_for(1ms);
    };
    wait_for_a_new_connection();
    gate.freeze_new_connections(true);
    gate.refuse(false);
    wait_for_a_new_connection();
    const int before = done;
    const auto patience = std::chrono::steady_clock::now() + 30s;
    while (done < before + 100 && std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(1ms);
    EXPECT_GE(done, before + 100);
    stopping = true;
    gate.freeze_new_connections(false);
    gate.cut_all();
    threads.clear();
}

TEST_F(Connections, statement_that_takes_too_long_ends_in_time) {
    Options options = this->options();
    options.statement_timeout = 300ms;
    options.recovery_time = 300ms;
    const auto store = make_storage(options);
    fill(*store, 5);
    RawConnection holder(server());
    holder.query("BEGIN");
    holder.query("LOCK TABLE " + schema_ + ".proxy IN ACCESS EXCLUSIVE MODE");
    const LeaseId id = LeaseId::make();
    try {
        store->acquire({.pool = "pool", .lease_id = id});
        FAIL() << "threw nothing";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.retryable()) << error.what();
        EXPECT_EQ(error.lease_id(), id);
    }
    holder.query("COMMIT");
    EXPECT_TRUE(store->acquire({.pool = "pool", .lease_id = id}));
    EXPECT_EQ(leases(*store), 1);
}

TEST_F(Connections, server_that_says_nothing_is_given_up) {
    TcpGate gate(server().port());
    gate.freeze(true);
    Options options = through(gate.port());
    options.connect_timeout = 200ms;
    options.recovery_time = 500ms;
    try {
        make_storage(options);
        FAIL() << "threw nothing";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.retryable()) << error.what();
        EXPECT_FALSE(error.outcome_unknown());
    }
    gate.freeze(false);
    EXPECT_NO_THROW(make_storage(options));
}

TEST_F(Connections, a_child_process_makes_other_numbers) {
    static_cast<void>(new_call_key());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const std::int64_t key = new_call_key();
        ::_exit(::write(ends[1], &key, sizeof key) == sizeof key ? 0 : 1);
    }
    std::int64_t theirs = 0;
    ASSERT_EQ(::read(ends[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_NE(new_call_key(), theirs) << "a repeat knows its own lease by it";
}

}  // namespace
}  // namespace pharox::postgres
