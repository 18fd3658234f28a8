// Processes that are killed, a server that crashes, connections that are cut: afterwards the clients' own
// logs show no proxy that was in more hands than it may be, and no acknowledged lease that is gone.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr int limit = 2;
constexpr int proxies = 6;
constexpr int clients = 16;

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// One client: each line is written with one write() when what it says is certain.
///   ? lease                 about to be acquired, under this id
///   + lease proxy time      acknowledged, from here on it is ours
///   - lease proxy time      about to be released: from here on it may be another's
/// Who follows a killed client reads its log, holds what it held, and asks again for what was in doubt.
[[noreturn]] void live(const Options& options, const std::string& log, unsigned seed) {
    std::ofstream out(log, std::ios::app);
    std::mt19937 random(seed);
    const auto say = [&](char what, const Lease& lease) {
        std::ostringstream line;
        line << what << ' ' << lease.id << ' ' << lease.proxy_id << ' ' << now_us() << '\n';
        out << line.str() << std::flush;
    };
    std::map<std::string, LeaseId> asked;
    std::map<std::string, Lease> known;
    {
        std::ifstream in(log);
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string what;
            std::string lease;
            std::string proxy;
            std::int64_t at = 0;
            words >> what >> lease;
            if (lease.size() != 36) continue;  // killed in the middle of a line
            if (what == "?") asked[lease] = LeaseId::parse(lease);
            if (what == "-") known.erase(lease);
            if (what != "+" || !(words >> proxy >> at)) continue;
            asked.erase(lease);
            known[lease] = Lease{.id = LeaseId::parse(lease), .proxy_id = ProxyId::parse(proxy)};
        }
    }
    out << '\n';  // ends a line that was begun
    std::shared_ptr<IStorage> store;
    std::vector<Lease> held;
    for (const auto& [id, lease] : known) held.push_back(lease);
    for (;;) {
        try {
            if (!store) store = make_storage(options);
            if (!asked.empty()) {
                const LeaseId id = asked.begin()->second;
                const auto acquired = store->acquire({.pool = "pool", .duration = 10min, .lease_id = id});
                asked.erase(id.to_string());
                if (acquired) {
                    say('+', acquired.lease());
                    held.push_back(acquired.lease());
                }
            } else if (held.size() < 2 && random() % 2 == 0) {
                const LeaseId id = LeaseId::make();
                out << "? " << id << '\n' << std::flush;
                asked[id.to_string()] = id;
                const auto acquired = store->acquire(
                    {.pool = "pool",
                     .duration = 10min,
                     .selector = random() % 2 == 0 ? Selector::first_available : Selector::round_robin,
                     .lease_id = id});
                asked.clear();
                if (acquired) {
                    say('+', acquired.lease());
                    held.push_back(acquired.lease());
                }
            } else if (!held.empty()) {
                const Lease lease = held.back();
                held.pop_back();
                say('-', lease);
                store->release_lease({.lease_id = lease.id});
            }
            if (random() % 10 == 0) store->cleanup_expired_leases({});
            if (random() % 20 == 0) static_cast<void>(store->get_pool_stats({.pool = "pool"}));
        } catch (const StorageError&) {  // the server was away for too long: what is in doubt is logged as
                                         // ours by nobody
        } catch (const std::exception& error) {
            std::ofstream(log + ".failed") << error.what() << '\n';
            ::_exit(1);
        }
    }
}

class Chaos : public PostgresTest {};

TEST_F(Chaos, no_lease_too_many_and_none_lost) {
    const char* const asked = std::getenv("PHAROX_LONG");  // NOLINT(concurrency-mt-unsafe)
    const auto length = asked == nullptr ? 8s : 300s;
    {
        const auto store = open();
        fill(*store, proxies, [](int, Proxy& proxy) { proxy.max_concurrency = limit; });
    }
    const std::string folder = server().folder().string() + "/chaos";
    ASSERT_TRUE(std::filesystem::create_directory(folder));
    std::vector<pid_t> children(clients);
    int started = 0;
    Options options = this->options();
    options.max_connections = 2;
    const auto start = [&](int number) {
        const pid_t child = ::fork();
        if (child == 0) {
            live(options, folder + "/" + std::to_string(number),
                 static_cast<unsigned>(1'000 * number + started));
        }
        ++started;
        children[static_cast<std::size_t>(number)] = child;
    };
    for (int i = 0; i < clients; ++i) start(i);
    const auto begin = std::chrono::steady_clock::now();
    std::mt19937 random(1);
    std::map<int, std::int64_t> kills;
    bool restarted = false;
    while (std::chrono::steady_clock::now() - begin < length) {
        std::this_thread::sleep_for(50ms);
        const int victim = static_cast<int>(random() % clients);
        ::kill(children[static_cast<std::size_t>(victim)], SIGKILL);
        ::waitpid(children[static_cast<std::size_t>(victim)], nullptr, 0);
        start(victim);
        if (!restarted && std::chrono::steady_clock::now() - begin > length / 2) {
            restarted = true;
            server().stop("immediate");
            server().start();
        }
        if (random() % 10 == 0) {
            server().query(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pharox_app'"
                " AND random() < 0.3");
        }
    }
    for (const pid_t child : children) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    const auto store = open();
    // Statements of the killed may still be running.
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (server().query(
               "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pharox_app' AND state = 'active'") !=
               "0" &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(20ms);
    }
    struct Hold {
        std::string proxy;
        std::int64_t from = 0;
        std::int64_t to = -1;
    };
    std::map<std::string, Hold> holds;
    std::int64_t acquired = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        ASSERT_FALSE(entry.path().string().ends_with(".failed")) << std::ifstream(entry.path()).rdbuf();
        std::ifstream in(entry.path());
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string what;
            std::string lease;
            std::string proxy;
            std::int64_t at = 0;
            if (!(words >> what >> lease >> proxy >> at)) continue;  // killed in the middle of a line
            if (what == "+") {
                EXPECT_TRUE(holds.emplace(lease, Hold{proxy, at, -1}).second)
                    << lease << " was acknowledged twice";
                ++acquired;
            } else {
                holds[lease].to = at;
            }
        }
    }
    EXPECT_GT(acquired, 100);
    // No instant at which a proxy was in more hands than it may be. Who was killed holds on.
    std::map<std::string, std::vector<std::pair<std::int64_t, int>>> steps;
    for (const auto& [lease, hold] : holds) {
        steps[hold.proxy].emplace_back(hold.from, 1);
        if (hold.to >= 0) steps[hold.proxy].emplace_back(hold.to, -1);
    }
    for (auto& [proxy, changes] : steps) {
        std::sort(changes.begin(), changes.end());
        int in_use = 0;
        for (const auto& [at, change] : changes) {
            in_use += change;
            ASSERT_LE(in_use, limit) << proxy;
        }
    }
    // Whatever was acknowledged and not given back is there.
    for (const auto& [lease, hold] : holds) {
        if (hold.to >= 0) continue;
        const auto stored = store->lease_control()->get_lease({.lease_id = LeaseId::parse(lease)});
        ASSERT_TRUE(stored) << lease;
        EXPECT_EQ(stored->status, LeaseStatus::active) << lease;
        EXPECT_EQ(stored->proxy_id.to_string(), hold.proxy);
    }
    const AuditResult audit = store->maintenance()->audit();
    EXPECT_TRUE(audit.mismatches.empty());
    std::cout << acquired << " leases by " << started << " processes\n";
}

}  // namespace
}  // namespace pharox::postgres
