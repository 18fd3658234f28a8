// The server notifies waiting processes of proxies that other processes free, and only these processes. The
// poll interval is a day, so that only notifications can end a wait.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "fixture.hpp"
#include "pgbouncer.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto generous = 60s;
constexpr auto day = Duration(24h);

/// Another process, which acquires with `wait`, or releases, on command, and answers '+' or '-'.
class Worker {
  public:
    explicit Worker(const Options& options) {
        if (::pipe(orders_) != 0 || ::pipe(answers_) != 0) throw std::runtime_error("pipe failed");
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            const auto store = make_storage(options);
            LeaseId held;
            for (char order = 0; ::read(orders_[0], &order, 1) == 1;) {
                char answer = '-';
                if (order == 'a') {
                    const auto acquired =
                        store->acquire({.pool = "pool", .duration = 10min, .wait = generous});
                    if (acquired) held = acquired.lease().id;
                    if (acquired) answer = '+';
                } else if (store->release_lease({.lease_id = held}).released) {
                    answer = '+';
                }
                if (::write(answers_[1], &answer, 1) != 1) break;
            }
        } catch (const std::exception& error) {
            std::fprintf(stderr, "the worker: %s\n", error.what());
        }
        ::_exit(0);
    }
    ~Worker() { kill(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void begin_to_acquire() { tell('a'); }
    void begin_to_release() { tell('r'); }
    char answer() {
        char answer = 0;
        return ::read(answers_[0], &answer, 1) == 1 ? answer : '!';
    }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        for (const int end : {orders_[0], orders_[1], answers_[0], answers_[1]}) ::close(end);
    }

  private:
    void tell(char order) {
        if (::write(orders_[1], &order, 1) != 1) throw std::runtime_error("write failed");
    }
    int orders_[2]{};
    int answers_[2]{};
    pid_t pid_ = -1;
};

class Waiting : public PostgresTest {
  protected:
    Waiting() : pool_(fill(*open(), 1)) {}

    [[nodiscard]] Options quietly(int port) const {
        Options options = through(port);
        options.poll_interval = day;
        return options;
    }
    [[nodiscard]] std::string channel() const { return "pharox_" + pool_.id.to_string(); }
    [[nodiscard]] std::string registrations(const std::string& which = "TRUE") const {
        return server().query("SELECT count(*) FROM " + schema_ + ".waiting WHERE " + which);
    }
    template <class Condition>
    static bool eventually(Condition condition) {
        for (const auto end = std::chrono::steady_clock::now() + generous; !condition();) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(2ms);
        }
        return true;
    }
    /// Waits until no request passes the gate: polling every 2 to 100 ms would be seen.
    static bool gets_quiet(const TcpGate& gate) {
        return eventually([&] {
            const auto before = gate.requests();
            std::this_thread::sleep_for(400ms);
            return gate.requests() == before;
        });
    }
    static std::future<AcquireResult> wait_in(IStorage& store) {
        auto promise = std::make_shared<std::promise<AcquireResult>>();
        store.acquire_async(
            {.pool = "pool", .duration = 10min, .wait = generous},
            [promise](AcquireOutcome outcome) { promise->set_value(std::move(outcome).get()); }, {});
        return promise->get_future();
    }

    ProxyPool pool_;
};

TEST_F(Waiting, ends_when_another_process_releases) {
    const TcpGate gate(server().port());
    Worker worker(quietly(gate.port()));
    const auto store = open();
    RawConnection listener(server());
    listener.query("LISTEN \"" + channel() + '"');
    for (int round = 0; round < 5; ++round) {
        const auto held = store->acquire({.pool = "pool", .duration = 10min, .wait = generous});
        ASSERT_TRUE(held);
        worker.begin_to_acquire();
        ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
        ASSERT_TRUE(gets_quiet(gate));
        listener.heard(channel());
        const auto before = gate.requests();
        store->release_lease({.lease_id = held.lease().id});
        ASSERT_EQ(worker.answer(), '+') << "served without polling";
        EXPECT_LE(gate.requests() - before, 4) << "one attempt";
        EXPECT_EQ(listener.heard(channel()), 1);
        worker.begin_to_release();
        ASSERT_EQ(worker.answer(), '+');
    }
}

TEST_F(Waiting, executes_nothing_without_a_notification) {
    const TcpGate gate(server().port());
    const auto held = open()->acquire({.pool = "pool", .duration = 10min});
    Worker worker(quietly(gate.port()));
    worker.begin_to_acquire();
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    ASSERT_TRUE(gets_quiet(gate));
    const auto before = gate.requests();
    server().query("UPDATE " + schema_ +
                   ".proxy SET max_concurrency = 2, availability = 0");  // without a notification
    std::this_thread::sleep_for(400ms);
    EXPECT_EQ(gate.requests(), before) << "otherwise the other tests prove nothing";
    server().query("SELECT pg_notify('" + channel() + "', '')");
    EXPECT_EQ(worker.answer(), '+');
}

TEST_F(Waiting, every_way_of_freeing_notifies_only_registered_waiters) {
    const auto store = open();
    RawConnection listener(server());
    listener.query("LISTEN \"" + channel() + '"');
    const std::string registered = "INSERT INTO " + schema_ + ".waiting VALUES ('" + pool_.id.to_string() +
                                   "', 1, clock_timestamp() + interval '1 hour')";
    int host = 0;
    const auto lease = [&](Duration duration = 10min) {
        const auto acquired = store->acquire({.pool = "pool", .duration = duration});
        EXPECT_TRUE(acquired);
        return acquired.lease().id;
    };
    const auto another = [&](ProxyStatus status) {
        return Proxy{.pool_id = pool_.id,
                     .host = "192.0.2." + std::to_string(++host),
                     .port = 1,
                     .status = status,
                     .max_concurrency = 1};
    };
    const std::vector<std::pair<const char*, std::function<void()>>> ways = {
        {"release", [&] { store->release_lease({.lease_id = lease()}); }},
        {"release_many", [&] { store->release_many({{.lease_id = lease()}}); }},
        {"revoke", [&] { store->lease_control()->revoke_lease({.lease_id = lease()}); }},
        {"collecting what expired",
         [&] {
             lease(1ms);
             EXPECT_TRUE(eventually([&] { return store->cleanup_expired_leases({}).count == 1; }));
         }},
        {"add_proxy", [&] { store->catalog()->add_proxy(another(ProxyStatus::active)); }},
        {"add_proxies", [&] { store->catalog()->add_proxies({.proxies = {another(ProxyStatus::active)}}); }},
        {"activation",
         [&] {
             Proxy proxy = store->catalog()->add_proxy(another(ProxyStatus::inactive));
             listener.heard(channel());
             proxy.status = ProxyStatus::active;
             store->catalog()->update_proxy(proxy);
         }},
        {"a health check",
         [&] {
             const Proxy proxy = store->catalog()->add_proxy(another(ProxyStatus::inactive));
             listener.heard(channel());
             store->health_log()->apply_health_check_result(
                 {.proxy_id = proxy.id, .status = ProxyStatus::active});
         }},
        {"removing a consumer",
         [&] {
             store->ensure_consumer({.name = "short"});
             EXPECT_TRUE(store->acquire({.pool = "pool", .consumer = "short"}));
             store->catalog()->remove_consumer("short", true);
         }},
    };
    for (const bool a_process_waits : {true, false}) {
        server().query(a_process_waits ? registered : "DELETE FROM " + schema_ + ".waiting");
        for (const auto& [name, way] : ways) {
            listener.heard(channel());
            way();
            EXPECT_EQ(listener.heard(channel()), a_process_waits ? 1 : 0) << name;
        }
        listener.heard(channel());
        store->catalog()->add_proxy(another(ProxyStatus::inactive));
        EXPECT_EQ(listener.heard(channel()), 0) << "the proxy cannot be leased";
    }
    server().query(registered);
    Proxy with_free_slot = another(ProxyStatus::active);
    with_free_slot.max_concurrency = 2;
    with_free_slot = store->catalog()->add_proxy(with_free_slot);
    const auto one_of_two = store->create_lease({.proxy_id = with_free_slot.id, .consumer = "default"});
    listener.heard(channel());
    store->release_lease({.lease_id = one_of_two.lease().id});
    store->health_log()->apply_health_check_result(
        {.proxy_id = with_free_slot.id, .status = ProxyStatus::active});
    EXPECT_EQ(listener.heard(channel()), 0) << "it was available before";
    store->catalog()->remove_pool("pool", true);
    EXPECT_EQ(listener.heard(channel()), 1) << "waiters are notified of the removal";
}

TEST_F(Waiting, in_the_releasing_process_needs_no_notification) {
    const TcpGate gate(server().port());
    const auto store = make_storage(quietly(gate.port()));
    RawConnection listener(server());
    listener.query("LISTEN \"" + channel() + '"');
    const auto held = store->acquire({.pool = "pool", .duration = 10min});
    auto waiting = wait_in(*store);
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    ASSERT_TRUE(gets_quiet(gate));
    store->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(waiting.get());
    EXPECT_EQ(listener.heard(channel()), 0);
    EXPECT_TRUE(eventually([&] { return registrations() == "0"; })) << "no request waits";
}

TEST_F(Waiting, of_a_killed_process_loses_its_registration) {
    const auto store = open();
    RawConnection listener(server());
    listener.query("LISTEN \"" + channel() + '"');
    auto held = store->acquire({.pool = "pool", .duration = 10min});
    {
        Worker worker(options());
        worker.begin_to_acquire();
        ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    }
    EXPECT_EQ(registrations(), "1");
    EXPECT_EQ(registrations("ends_at > clock_timestamp() + interval '31 seconds'"), "0");
    // Time passes.
    server().query("UPDATE " + schema_ + ".waiting SET ends_at = ends_at - interval '2 minutes'");
    store->release_lease({.lease_id = held.lease().id});
    EXPECT_EQ(listener.heard(channel()), 0);
    held = store->acquire({.pool = "pool", .duration = 10min});
    const auto other = open();
    auto waiting = wait_in(*other);
    EXPECT_TRUE(eventually([&] { return registrations("ends_at > clock_timestamp()") == "1"; }));
    EXPECT_EQ(registrations(), "1") << "the next registration deletes the expired one";
    store->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(waiting.get());
}

TEST_F(Waiting, sees_transactions_that_began_before_its_registration) {
    TcpGate gate(server().port());
    const auto held = open()->acquire({.pool = "pool", .duration = 10min});
    // Its snapshot is older than the registration, so it does not see the registration.
    RawConnection older(server());
    older.query("BEGIN");
    older.query("UPDATE " + schema_ + ".proxy SET max_concurrency = 2, availability = 0");
    Worker worker(quietly(gate.port()));
    worker.begin_to_acquire();
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    const auto before = gate.requests();
    EXPECT_TRUE(eventually([&] { return gate.requests() > before + 20; }))
        << "it polls until that transaction ends";
    older.query("COMMIT");
    EXPECT_EQ(worker.answer(), '+');
}

TEST_F(Waiting, is_not_delayed_by_a_transaction_that_only_reads) {
    const TcpGate gate(server().port());
    const auto store = open();
    const auto held = store->acquire({.pool = "pool", .duration = 10min});
    RawConnection dump(server());
    dump.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    dump.query("SELECT count(*) FROM " + schema_ + ".proxy");
    Worker worker(quietly(gate.port()));
    worker.begin_to_acquire();
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    ASSERT_TRUE(gets_quiet(gate)) << "it polls until that transaction ends";
    store->release_lease({.lease_id = held.lease().id});
    EXPECT_EQ(worker.answer(), '+');
}

TEST_F(Waiting, goes_on_in_a_pool_that_is_added_again) {
    const TcpGate gate(server().port());
    const auto store = open();
    const auto held = store->acquire({.pool = "pool", .duration = 10min});
    Worker worker(quietly(gate.port()));
    worker.begin_to_acquire();
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    ASSERT_TRUE(gets_quiet(gate));
    // One transaction, so that no attempt sees that there is no pool.
    RawConnection other(server());
    other.query("BEGIN");
    other.query("DELETE FROM " + schema_ + ".lease");
    other.query("DELETE FROM " + schema_ + ".proxy");
    other.query("DELETE FROM " + schema_ + ".pool");
    const std::string again = PoolId::make().to_string();
    other.query("INSERT INTO " + schema_ + ".pool (id, name, metadata) VALUES ('" + again +
                "', 'pool', '{}')");
    other.query("SELECT " + schema_ + ".notify_waiters('" + pool_.id.to_string() + "', 'pool')");
    other.query("COMMIT");
    ASSERT_TRUE(eventually([&] { return registrations("pool_id = '" + again + "'") == "1"; }));
    ASSERT_TRUE(gets_quiet(gate));
    store->catalog()->add_proxy(
        {.pool_id = PoolId::parse(again), .host = "192.0.2.1", .port = 1, .status = ProxyStatus::active});
    EXPECT_EQ(worker.answer(), '+');
}

TEST_F(Waiting, sees_an_expiry_without_a_notification) {
    const TcpGate gate(server().port());
    const auto held = open()->acquire({.pool = "pool", .duration = 1500ms});
    Worker worker(quietly(gate.port()));
    worker.begin_to_acquire();
    EXPECT_EQ(worker.answer(), '+');
}

TEST_F(Waiting, polls_while_the_listener_is_disconnected) {
    TcpGate gate(server().port());
    std::mutex mutex;
    std::vector<std::string> warnings;
    Options options = quietly(gate.port());
    options.warn = [&](std::string_view what) {
        const std::lock_guard lock(mutex);
        warnings.emplace_back(what);
    };
    const auto warned = [&] {
        const std::lock_guard lock(mutex);
        return warnings.size();
    };
    const auto store = make_storage(options);
    const auto elsewhere = open();
    auto held = elsewhere->acquire({.pool = "pool", .duration = 10min});
    auto waiting = wait_in(*store);
    ASSERT_TRUE(eventually([&] { return registrations() == "1"; }));
    ASSERT_TRUE(gets_quiet(gate));
    gate.refuse(true);
    EXPECT_EQ(server().query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                             " WHERE application_name = 'pharox waiting'"),
              "1");
    const auto before = gate.requests();
    EXPECT_TRUE(eventually([&] { return gate.requests() > before + 20; }))
        << "the other connection still works";
    elsewhere->release_lease({.lease_id = held.lease().id});
    const auto first = waiting.get();
    ASSERT_TRUE(first);
    EXPECT_EQ(warned(), 1U);
    gate.refuse(false);
    waiting = wait_in(*store);
    ASSERT_TRUE(eventually([&] { return warned() == 2U; }));
    ASSERT_TRUE(gets_quiet(gate));
    elsewhere->release_lease({.lease_id = first.lease().id});
    EXPECT_TRUE(waiting.get());
}

TEST_F(Waiting, polls_behind_pgbouncer) {
    const PgBouncer bouncer(server());
    Options options = this->options();
    options.connection = bouncer.as("pharox_app");
    options.poll_interval = day;
    const auto store = make_storage(options);
    const auto elsewhere = open();
    for (int round = 0; round < 3; ++round) {
        const auto held = elsewhere->acquire({.pool = "pool", .duration = 10min});
        auto waiting = wait_in(*store);
        elsewhere->release_lease({.lease_id = held.lease().id});
        const auto acquired = waiting.get();
        ASSERT_TRUE(acquired);
        EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
    }
    EXPECT_EQ(registrations(), "0");
}

}  // namespace
}  // namespace pharox::postgres
