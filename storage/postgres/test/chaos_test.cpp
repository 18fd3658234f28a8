// Clients are killed, the server crashes, connections are cut and frozen. Afterwards the clients' own logs
// must show no proxy with more leases than its limit, and no acknowledged lease that is lost.
// PHAROX_LONG=SECONDS sets the duration (at least 300).
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "fixture.hpp"
#include "history.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr int limit = 2;
constexpr int proxies = 400;             // about as many as the clients acquire: calls are batched
constexpr int scarce_proxies = 6;        // of another pool, far fewer
constexpr int clients = 16;              // processes
constexpr unsigned threads_of_one = 24;  // enough for batches
constexpr std::size_t most_held = 2;
constexpr int fewest_turns = 60;  // on a machine under other load

/// The storage that the threads of a client share.
class SharedStorage {
  public:
    explicit SharedStorage(Options options) : options_(std::move(options)) {}
    /// Throws StorageError while it cannot be opened.
    std::shared_ptr<IStorage> get() {
        const std::lock_guard lock(mutex_);
        if (!store_) store_ = make_storage(options_);
        return store_;
    }

  private:
    Options options_;
    std::mutex mutex_;
    std::shared_ptr<IStorage> store_;
};

/// The calls of a client: all of them, or only those that are batched.
enum class Habit { mixed, plain };

/// One thread of a client. The successor of a killed one reads its log, takes over its leases, and repeats
/// the calls whose outcome is unknown.
class Client {
  public:
    Client(SharedStorage& storage, Habit habit, std::filesystem::path log, unsigned seed)
        : storage_(storage), habit_(habit), log_(std::move(log)), random_(seed) {
        for (const Line& line : read_lines(log_)) {
            const LeaseId id = LeaseId::parse(line.lease);
            if (line.what == '?') pending_.insert(id);
            if (line.what == '+' || line.what == '=') {
                pending_.erase(id);
                const auto expires = Timestamp(std::chrono::microseconds(line.expires));
                const Lease lease{.id = id, .proxy_id = ProxyId::parse(line.proxy), .expires_at = expires};
                held_.insert_or_assign(id, lease);
            }
            if (line.what == '-') held_.erase(id);
        }
        out_.open(log_, std::ios::app);
        out_ << '\n';  // ends an incomplete line
    }

    [[noreturn]] void live() {
        for (;;) {
            try {
                if (!store_) store_ = storage_.get();
                do_something();
            } catch (const StorageError&) {  // NOLINT(bugprone-empty-catch): it was away for too long
            } catch (const std::exception& error) {
                std::ofstream(log_.string() + ".failed") << error.what() << '\n';
                ::_exit(1);
            }
        }
    }

  private:
    void say(char what, const Lease& lease) { out_ << to_text(what, lease) << std::flush; }
    LeaseId ask() {
        const LeaseId id = LeaseId::make();
        out_ << "? " << id << " .\n" << std::flush;
        pending_.insert(id);
        return id;
    }
    void got(const Lease& lease) {
        say('+', lease);
        pending_.erase(lease.id);
        held_.insert_or_assign(lease.id, lease);
    }
    [[nodiscard]] bool chance(unsigned one_in) { return random_() % one_in == 0; }
    AcquireRequest request() {
        if (habit_ == Habit::plain) return {.pool = "pool", .consumer = "plain", .duration = 10min};
        return {.pool = chance(4) ? "scarce" : "pool",
                .duration = chance(4) ? Duration(200 + random_() % 600) : Duration(10min),
                .selector = chance(4) ? Selector::round_robin : Selector::first_available,
                .wait = chance(4) ? Duration(100) : Duration(0)};
    }

    void do_something() {
        std::erase_if(held_, [](const auto& entry) {
            return entry.second.expires_at.time_since_epoch().count() <= wall_clock();
        });
        if (!pending_.empty()) return ask_again();
        if (habit_ == Habit::plain) return held_.empty() ? acquire() : release();
        if (held_.size() < most_held && chance(2)) return chance(3) ? acquire_many() : acquire();
        if (!held_.empty() && chance(3)) return renew();
        if (!held_.empty()) return chance(3) ? release_many() : release();
        if (chance(5)) store_->cleanup_expired_leases({});
        if (chance(20)) static_cast<void>(store_->get_pool_stats({.pool = "pool"}));
    }
    void ask_again() {
        const LeaseId id = *pending_.begin();
        for (const char* const pool : {"scarce", "pool"}) {
            try {
                const auto acquired =
                    store_->acquire({.pool = pool,
                                     .consumer = habit_ == Habit::plain ? "plain" : "default",
                                     .duration = 10min,
                                     .lease_id = id});
                if (acquired) return got(acquired.lease());
            } catch (const ConflictError&) {
                continue;  // it was requested from the other pool
            }
        }
        pending_.erase(id);
    }
    void acquire() {
        AcquireRequest request = this->request();
        request.lease_id = ask();
        const auto acquired = store_->acquire(request);
        if (acquired) got(acquired.lease());
        pending_.clear();
    }
    void acquire_many() {
        const std::vector<LeaseId> ids = {ask(), ask()};
        AcquireRequest each = request();
        each.wait = Duration(0);
        const auto acquired = store_->acquire_many(
            {.each = each, .count = ids.size(), .distinct = chance(2), .lease_ids = ids});
        for (const LeasedProxy& leased : acquired.leased) got(leased.lease());
        pending_.clear();
    }
    void renew() {
        Lease& lease = held_.begin()->second;
        const auto renewed = store_->lease_control()->renew_lease(
            {.lease_id = lease.id, .duration = Duration(300 + random_() % 600)});
        if (!renewed.renewed) return;
        lease = *renewed.lease;
        say('=', lease);
    }
    void release() {
        const Lease lease = held_.begin()->second;
        held_.erase(lease.id);
        say('-', lease);
        store_->release_lease({.lease_id = lease.id});
        say('!', lease);
    }
    void release_many() {
        std::vector<ReleaseRequest> requests;
        std::map<LeaseId, Lease> held;
        while (!held_.empty() && held.size() < most_held) {
            const auto some = held.insert(held_.extract(held_.begin())).position;
            say('-', some->second);
            requests.push_back({.lease_id = some->first});
        }
        store_->release_many(requests);
        for (const auto& [id, lease] : held) say('!', lease);
    }

    SharedStorage& storage_;
    Habit habit_;
    std::filesystem::path log_;
    std::mt19937 random_;
    std::ofstream out_;
    std::set<LeaseId> pending_;  // requested and not answered
    std::map<LeaseId, Lease> held_;
    std::shared_ptr<IStorage> store_;
};

/// A gate in a separate process, so that this one has a single thread when it forks.
class GateProcess {
  public:
    explicit GateProcess(int server_port) {
        int orders[2];
        int answers[2];
        if (::pipe(orders) != 0 || ::pipe(answers) != 0) throw std::runtime_error("pipe failed");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            TcpGate gate(server_port);
            const int port = gate.port();
            if (::write(answers[1], &port, sizeof port) != sizeof port) ::_exit(1);
            for (char order = 0; ::read(orders[0], &order, 1) == 1;) {
                if (order == 'c') gate.cut_all();
                if (order == 'f' || order == 't') gate.freeze(order == 'f');
            }
            ::_exit(0);
        }
        orders_ = orders[1];
        if (::read(answers[0], &port_, sizeof port_) != sizeof port_) throw std::runtime_error("no gate");
    }
    ~GateProcess() { kill(); }
    GateProcess(const GateProcess&) = delete;
    GateProcess& operator=(const GateProcess&) = delete;

    [[nodiscard]] int port() const noexcept { return port_; }
    void cut() { tell('c'); }
    void freeze() { tell('f'); }
    void thaw() { tell('t'); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    void tell(char order) const {
        if (::write(orders_, &order, 1) != 1) throw std::runtime_error("the gate is gone");
    }
    pid_t pid_ = -1;
    int orders_ = -1;
    int port_ = 0;
};

std::chrono::seconds length() {
    const char* const asked = std::getenv("PHAROX_LONG");  // NOLINT(concurrency-mt-unsafe): never set here
    return asked == nullptr ? 8s : std::max(300s, std::chrono::seconds(std::atoi(asked)));
}

class Chaos : public PostgresTest {
  protected:
    Chaos() : folder_(server().folder() / "chaos"), gate_(server().port()) {
        const auto store = open();
        fill(*store, proxies, [](int, Proxy& proxy) { proxy.max_concurrency = limit; });
        store->ensure_consumer({.name = "plain"});
        const ProxyPool scarce = store->catalog()->add_pool({.name = "scarce"});
        std::vector<Proxy> few =
            store->catalog()->list_proxies({.pool = "pool", .limit = scarce_proxies}).items;
        for (Proxy& proxy : few) {
            proxy.id = ProxyId::make();
            proxy.pool_id = scarce.id;
        }
        store->catalog()->add_proxies({.proxies = std::move(few)});
        std::filesystem::create_directory(folder_);
    }

    /// Every second client goes through the gate.
    void start(std::size_t number) {
        Options options = number % 2 == 0 ? this->options() : through(gate_.port());
        options.max_connections = 4;
        options.connect_timeout = 1s;
        options.statement_timeout = 1s;
        options.recovery_time = 3s;
        ++started_;
        children_[number] = ::fork();
        if (children_[number] != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        SharedStorage storage(options);
        std::vector<std::jthread> running;
        for (unsigned thread = 0; thread < threads_of_one; ++thread) {
            running.emplace_back([&, thread] {
                // Some clients of both kinds use the gate.
                Client(storage, number % 4 < 2 ? Habit::mixed : Habit::plain,
                       folder_ / (std::to_string(number) + '.' + std::to_string(thread)),
                       static_cast<unsigned>(started_) * threads_of_one + thread)
                    .live();
            });
        }
    }
    void kill(std::size_t number) {
        ::kill(children_[number], SIGKILL);
        ::waitpid(children_[number], nullptr, 0);
    }
    /// Calls that were in progress when the clients were killed.
    static void let_statements_end() {
        const std::string running = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pharox_app'";
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        while (server().query(running) != "0" && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(20ms);
        }
        ASSERT_EQ(server().query(running), "0");
    }

    std::filesystem::path folder_;
    GateProcess gate_;
    std::vector<pid_t> children_ = std::vector<pid_t>(clients);
    int started_ = 0;
};

TEST_F(Chaos, no_lease_too_many_and_none_lost) {
    for (std::size_t i = 0; i < clients; ++i) start(i);
    const auto begin = std::chrono::steady_clock::now();
    std::mt19937 random(1);
    int turn = 0;
    bool restarted = false;
    while (std::chrono::steady_clock::now() - begin < length() || turn < fewest_turns) {
        std::this_thread::sleep_for(100ms);
        const std::size_t victim = random() % clients;
        kill(victim);
        start(victim);
        ++turn;
        if (turn % 40 == 10) gate_.freeze();
        if (turn % 40 == 25) gate_.thaw();  // longer than the statement timeout
        if (turn % 7 == 0) gate_.cut();
        if (turn % 11 == 0) {
            server().query(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pharox_app'"
                " AND random() < 0.3");
        }
        if (!restarted && std::chrono::steady_clock::now() - begin > length() / 2) {
            restarted = true;
            server().stop("immediate");
            server().start();
        }
    }
    for (std::size_t i = 0; i < clients; ++i) kill(i);
    gate_.kill();
    let_statements_end();
    History history;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        ASSERT_FALSE(entry.path().string().ends_with(".failed")) << std::ifstream(entry.path()).rdbuf();
        history.add(read_lines(entry.path()));
    }
    const auto store = open();
    EXPECT_EQ(history.over_leases(limit), std::vector<std::string>());
    EXPECT_EQ(history.lost(*store), std::vector<std::string>());
    const AuditResult audit = store->maintenance()->audit();
    EXPECT_EQ(audit.mismatches, std::vector<CounterMismatch>());
    EXPECT_GE(audit.leases, leases(*store)) << "no new leases, and some expire";
    EXPECT_GT(history.leases(), 20U);
    // Whose leases are made, and ended, one by one.
    const std::string together = server().query(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM " + schema_ +
        ".lease WHERE consumer_id = (SELECT id FROM " + schema_ +
        ".consumer WHERE name = 'plain') AND reason IS DISTINCT FROM 1 GROUP BY xmin::text) transactions");
    EXPECT_GT(std::stoul(together), 1U) << "no calls were batched";
    std::cout << history.leases() << " leases by " << started_ << " processes, up to " << together
              << " made or ended together\n";
}

/// The check of the histories must be able to fail.
class HistoryCheck : public PostgresTest {
  protected:
    static Line line(char what, const std::string& lease, std::int64_t time, std::int64_t expires = 1'000) {
        return {.what = what, .lease = lease, .proxy = "p", .time = time, .expires = expires};
    }
    static std::size_t faults(const std::vector<Line>& lines) {
        History history;
        history.add(lines);
        return history.over_leases(limit).size();
    }
};

TEST_F(HistoryCheck, detects_a_lease_too_many) {
    EXPECT_EQ(faults({line('+', "a", 1), line('+', "b", 2)}), 0U);
    EXPECT_EQ(faults({line('+', "a", 1), line('+', "b", 2), line('+', "c", 3)}), 1U);
    EXPECT_EQ(faults({line('+', "a", 1), line('+', "b", 2), line('-', "a", 3), line('+', "c", 3)}), 0U);
    EXPECT_EQ(faults({line('+', "a", 1), line('+', "b", 2), line('-', "a", 4), line('+', "c", 3)}), 1U);
    EXPECT_EQ(faults({line('+', "a", 1, 3), line('+', "b", 2), line('+', "c", 3)}), 0U) << "it had expired";
    EXPECT_EQ(faults({line('+', "a", 1, 3), line('=', "a", 2, 9), line('+', "b", 2), line('+', "c", 3)}), 1U);
    EXPECT_EQ(faults({line('+', "a", 1), line('+', "a", 9)}), 1U) << "granted twice";
}

TEST_F(HistoryCheck, detects_a_lost_lease) {
    const auto store = open();
    fill(*store, 4);
    const auto lost = [&](const std::string& text) {
        const std::filesystem::path file = server().folder() / ("checked-" + schema_);
        std::ofstream(file) << text;
        History history;
        history.add(read_lines(file));
        return history.lost(*store).size();
    };
    const Lease lease = store->acquire({.pool = "pool", .duration = 10min}).lease();
    const std::string granted = to_text('+', lease);
    EXPECT_EQ(lost(granted), 0U);
    EXPECT_EQ(lost(granted.substr(0, granted.size() - 3)), 0U) << "killed in the middle of the line";
    EXPECT_EQ(lost(granted + to_text('-', lease)), 0U) << "its release was not acknowledged";
    EXPECT_EQ(lost(granted + to_text('!', lease)), 1U);
    Lease longer = lease;
    longer.expires_at += 1s;
    EXPECT_EQ(lost(granted + to_text('=', longer)), 1U) << "a renewal";
    Lease other = lease;
    other.proxy_id = ProxyId::make();
    EXPECT_EQ(lost(to_text('+', other)), 1U);
    other.id = LeaseId::make();
    EXPECT_EQ(lost(to_text('+', other)), 1U) << "an unknown lease";
    server().query("UPDATE " + schema_ +
                   ".lease SET status = 1, reason = 0, released_at = clock_timestamp()");
    EXPECT_EQ(lost(granted), 1U) << "the lease was not ended";
}

}  // namespace
}  // namespace pharox::postgres
