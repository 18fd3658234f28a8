// Cycles (an acquire and its release) a second on a server of our own, in interleaved rounds: the adapter;
// pgbench with the same statements; the naive way of many round trips, in tables of its own, without and with
// an index for its order; batches; and, given a Python that has it, the Python reference. Medians; that of
// the ratios is taken over the rounds, each of which measures all of them one after the other: the speed of
// the machine changes in the course of a run.
//
//   postgres_bench [rounds=7] [seconds=5] [proxies=1000] [limit=10] [connections=1,4,16]
//   [synchronous_commit=off,on]
//                  [selector=first_available] [reference=PYTHON]
#include <sys/wait.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "contention_spreading.hpp"
#include "database.hpp"
#include "pharox/storage/catalog.hpp"
#include "pick_plan.hpp"
#include "raw_connection.hpp"
#include "server.hpp"

using namespace pharox;
using namespace pharox::postgres;

namespace {

struct Result {
    double cycles = 0;
    double p99_us = 0;
};

Result ours(IStorage& store, int connections, int seconds, Selector selector) {
    std::vector<std::vector<double>> times(static_cast<std::size_t>(connections));
    std::vector<std::jthread> threads;
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + std::chrono::seconds(seconds);
    for (auto& mine : times) {
        threads.emplace_back([&] {
            const AcquireRequest request{.pool = "pool", .selector = selector};
            for (auto now = std::chrono::steady_clock::now(); now < end;) {
                const auto acquired = store.acquire(request);
                if (acquired) store.release_lease({.lease_id = acquired.lease().id});
                const auto later = std::chrono::steady_clock::now();
                mine.push_back(std::chrono::duration<double, std::micro>(later - now).count());
                now = later;
            }
        });
    }
    threads.clear();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::vector<double> all;
    for (const auto& mine : times) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    return {.cycles = static_cast<double>(all.size()) / took, .p99_us = all[all.size() * 99 / 100]};
}

/// What the adapter sets for its sessions.
constexpr auto own_settings =
    "PGOPTIONS='-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off' ";

/// The script, which is `database.sql`, by a program that does nothing else.
Result pgbench(const TestServer& server, const std::string& database, const std::string& settings,
               int connections, int seconds) {
    const std::string command = "cd " + server.folder().string() + " && rm -f pgbench.*; " + settings +
                                "pgbench -n -h 127.0.0.1 -p " + std::to_string(server.port()) +
                                " -U pharox_app -M prepared -D n=0 -D run=" +
                                std::to_string(std::chrono::system_clock::now().time_since_epoch().count() /
                                               1'000'000'000 % 1'000'000) +
                                " -f " + database + ".sql -c " + std::to_string(connections) + " -j " +
                                std::to_string(std::min(connections, 2)) + " -T " + std::to_string(seconds) +
                                " -l --log-prefix=pgbench " + database + " > pgbench-out 2> pgbench-err";
    if (std::system(command.c_str()) != 0) {  // NOLINT(concurrency-mt-unsafe)
        const std::ifstream errors(server.folder() / "pgbench-err");
        std::cerr << errors.rdbuf();
        std::exit(1);  // NOLINT(concurrency-mt-unsafe)
    }
    Result result;
    std::ifstream out(server.folder() / "pgbench-out");
    for (std::string line; std::getline(out, line);) {
        if (line.starts_with("tps = ")) result.cycles = std::stod(line.substr(6));
    }
    std::vector<double> times;
    for (const auto& entry : std::filesystem::directory_iterator(server.folder())) {
        if (!entry.path().filename().string().starts_with("pgbench.")) continue;
        std::ifstream log(entry.path());
        for (std::string line; std::getline(log, line);) {
            std::istringstream words(line);
            double ignored = 0;
            double time = 0;
            words >> ignored >> ignored >> time;
            times.push_back(time);
        }
    }
    std::sort(times.begin(), times.end());
    if (!times.empty()) result.p99_us = times[times.size() * 99 / 100];
    return result;
}

/// pgbench makes parameters of its variables; what is constant in a run is written out.
std::string filled(std::string sql, const std::vector<std::string>& values) {
    for (std::size_t i = values.size(); i > 0; --i) {
        const std::string mark = "$" + std::to_string(i);
        for (std::size_t at = sql.find(mark); at != std::string::npos;
             at = sql.find(mark, at + values[i - 1].size())) {
            sql.replace(at, mark.size(), values[i - 1]);
        }
    }
    return sql;
}

constexpr auto lease_id =
    "('01900000-' || lpad((:run / 10000)::text, 4, '0') || '-7' || lpad((:run % 1000)::text, 3, '0') || "
    "'-8000-' || lpad(:k::text, 12, '0'))::uuid";
constexpr auto header = "\\set n :n + 1\n\\set k :client_id * 100000000 + :n\n";

/// As the adapter asks for a call that is alone, or that keeps out of the way of others. Together they ask
/// for less, which pgbench cannot do.
std::string same_statements(const Options& options, Selector selector, int connections) {
    const ProxyFilters none;
    const PickPlan plan(selector, none, false);
    const Database database(options);
    PickStatements statements(database);
    const bool spread = connections > 1 && plan.any_offset_will_do();
    const std::string offset = "(:client_id % " +
                               std::to_string(std::min(std::bit_ceil(static_cast<std::size_t>(connections)),
                                                       ContentionSpreading::most_offsets)) +
                               ")";
    return std::string(header) +
           filled(*statements.text(spread ? Pick::acquire_at_offset : Pick::acquire_unlocked, plan),
                  {"'pool'::text", "'default'::text", lease_id, "300000::bigint", "NULL::bigint",
                   "'{}'::jsonb", "1::bigint", spread ? offset : "FALSE"}) +
           ";\n" + filled(database.text(sql::end_lease), {lease_id, "0::int2", "2::bigint"}) + ";\n";
}

/// What one writes without thinking of round trips: a statement for each step, in a transaction where it
/// changes something; the pool's state after each acquire. The tables have the indexes that come to mind.
constexpr auto naive_tables = R"sql(
CREATE TABLE pool (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE consumer (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE proxy (id uuid PRIMARY KEY, pool_id uuid NOT NULL, host text NOT NULL, port int NOT NULL,
    protocol text NOT NULL, status text NOT NULL, credentials json, source text, country text, city text, isp text,
    asn int, latitude float8, longitude float8, latency_ms int, max_concurrency int,
    current_leases int NOT NULL DEFAULT 0, checked_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON proxy (pool_id, status);
CREATE TABLE lease (id uuid PRIMARY KEY, proxy_id uuid NOT NULL, consumer_id uuid NOT NULL, pool_id uuid NOT NULL,
    pool_name text NOT NULL, status text NOT NULL, acquired_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    released_at timestamptz);
CREATE INDEX ON lease (status, expires_at);
INSERT INTO pool VALUES ('00000000-0000-0000-0000-000000000001', 'pool');
INSERT INTO consumer VALUES ('00000000-0000-0000-0000-000000000002', 'default');
INSERT INTO proxy (id, pool_id, host, port, protocol, status, max_concurrency, checked_at)
    SELECT md5(n::text)::uuid, pool.id, '10.0.' || n / 256 || '.' || n % 256, 8080, 'http', 'active', LIMIT_OF_EACH,
        now() - random() * interval '1 hour' FROM pool, generate_series(1, PROXIES) n;
GRANT ALL ON ALL TABLES IN SCHEMA public TO pharox_app;
)sql";
/// Beyond what comes to mind: it delivers the order.
constexpr auto index_for_naive = "CREATE INDEX ON proxy (pool_id, checked_at DESC) WHERE status = 'active'";
std::string naive_cycle() {
    return filled(std::string(header) + R"sql(BEGIN;
SELECT id AS pool FROM pool WHERE name = 'pool' \gset
SELECT id AS consumer FROM consumer WHERE name = 'default' \gset
SELECT id FROM lease WHERE status = 'active' AND expires_at <= now() FOR UPDATE;
COMMIT;
BEGIN;
SELECT id AS proxy FROM proxy WHERE pool_id = :pool::uuid AND status = 'active' AND (max_concurrency IS NULL OR current_leases < max_concurrency) ORDER BY checked_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED \gset
UPDATE proxy SET current_leases = current_leases + 1 WHERE id = :proxy::uuid;
INSERT INTO lease VALUES ($1, :proxy::uuid, :consumer::uuid, :pool::uuid, 'pool', 'active', now(), now() + interval '5 minutes');
SELECT * FROM proxy WHERE id = :proxy::uuid;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE status = 'active'), sum(current_leases) FROM proxy WHERE pool_id = :pool::uuid;
BEGIN;
SELECT proxy_id FROM lease WHERE id = $1 AND status = 'active' FOR UPDATE;
UPDATE lease SET status = 'released', released_at = now() WHERE id = $1;
UPDATE proxy SET current_leases = current_leases - 1 WHERE id = :proxy::uuid;
COMMIT;
)sql",
                  {lease_id});
}
/// A database of the naive way's own.
void make_naive(const TestServer& server, const std::string& database, int proxies, int limit, bool indexed) {
    server.query("CREATE DATABASE " + database);
    std::string tables = naive_tables;
    const auto put = [&](std::string_view name, int value) {
        tables.replace(tables.find(name), name.size(), std::to_string(value));
    };
    put("PROXIES", proxies);
    put("LIMIT_OF_EACH", limit);
    if (indexed) tables += index_for_naive;
    RawConnection connection(server.as("postgres") + " dbname=" + database);
    connection.query(tables);
    connection.query("VACUUM ANALYZE");
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Leases a second, acquired and released a batch at a time.
Result batches(IStorage& store, std::size_t size, int seconds, Selector selector) {
    std::vector<double> times;
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + std::chrono::seconds(seconds);
    for (auto now = begin; now < end;) {
        const auto acquired =
            store.acquire_many({.each = {.pool = "pool", .selector = selector}, .count = size});
        std::vector<ReleaseRequest> releases;
        for (const LeasedProxy& leased : acquired.leased) releases.push_back({.lease_id = leased.lease().id});
        store.release_many(releases);
        const auto later = std::chrono::steady_clock::now();
        times.push_back(std::chrono::duration<double, std::micro>(later - now).count());
        now = later;
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::sort(times.begin(), times.end());
    return {.cycles = static_cast<double>(times.size() * size) / took,
            .p99_us = times[times.size() * 99 / 100]};
}

Result reference(const TestServer& server, const std::string& python, int proxies, int limit, int processes,
                 int seconds) {
    const std::string command =
        python + " " + PHAROX_POSTGRES_REFERENCE +
        " postgresql+psycopg://pharox_owner@127.0.0.1:" + std::to_string(server.port()) + "/reference " +
        std::to_string(proxies) + " " + std::to_string(limit) + " " + std::to_string(processes) + " " +
        std::to_string(seconds) + " > " + server.folder().string() + "/reference";
    if (std::system(command.c_str()) != 0) std::exit(1);  // NOLINT(concurrency-mt-unsafe)
    Result result;
    std::ifstream(server.folder() / "reference") >> result.cycles;
    return result;
}

class Arguments {
  public:
    Arguments(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string_view text = argv[i];
            const std::size_t at = text.find('=');
            if (at == std::string_view::npos || !values_.contains(std::string(text.substr(0, at)))) {
                std::cerr << "postgres_bench: what is \"" << text << "\"? See the top of its source.\n";
                std::exit(2);  // NOLINT(concurrency-mt-unsafe)
            }
            values_[std::string(text.substr(0, at))] = text.substr(at + 1);
        }
    }
    [[nodiscard]] const std::string& text(const std::string& name) const { return values_.at(name); }
    [[nodiscard]] int number(const std::string& name) const { return std::stoi(text(name)); }
    [[nodiscard]] std::vector<std::string> list(const std::string& name) const {
        std::vector<std::string> items;
        std::istringstream words(text(name));
        for (std::string word; std::getline(words, word, ',');) items.push_back(word);
        return items;
    }

  private:
    std::map<std::string, std::string> values_{{"rounds", "7"},
                                               {"seconds", "5"},
                                               {"proxies", "1000"},
                                               {"limit", "10"},
                                               {"connections", "1,4,16"},
                                               {"reference", ""},
                                               {"synchronous_commit", "off,on"},
                                               {"selector", "first_available"}};
};

/// How long adding them took, in seconds.
double fill(IStorage& store, int proxies, int limit) {
    const ProxyPool pool = store.catalog()->add_pool({.name = "pool"});
    store.ensure_consumer({.name = "default"});
    std::vector<Proxy> some;
    for (int i = 0; i < proxies; ++i) {
        some.push_back({.pool_id = pool.id,
                        .host = "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) +
                                "." + std::to_string(i % 256),
                        .port = 8080,
                        .status = ProxyStatus::active,
                        .max_concurrency = limit});
    }
    const auto begin = std::chrono::steady_clock::now();
    store.catalog()->add_proxies({.proxies = std::move(some)});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The same rows into a table with the same indexes, by COPY alone.
double seconds_to_copy(const TestServer& server) {
    server.query("COPY pharox.proxy TO '" + (server.folder() / "rows").string() + "'");
    server.query("CREATE TABLE copied (LIKE pharox.proxy INCLUDING ALL)");
    const auto begin = std::chrono::steady_clock::now();
    server.query("COPY copied FROM '" + (server.folder() / "rows").string() + "'");
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    server.query("DROP TABLE copied");
    return took;
}

void run(const Arguments& arguments) {
    const int rounds = arguments.number("rounds");
    const int seconds = arguments.number("seconds");
    const int proxies = arguments.number("proxies");
    const int limit = arguments.number("limit");  // leases that each proxy takes at once
    const std::string python = arguments.text("reference");
    const Selector selector = parse_selector(arguments.text("selector"));
    constexpr int naive_most = 10'000;  // it sorts and counts the whole pool
    const TestServer server;
    server.migrate_and_grant("pharox");
    server.query("CREATE DATABASE reference OWNER pharox_owner");
    Options options = server.options("pharox_app", "pharox");
    options.max_connections = 16;
    const double added = fill(*make_storage(options), proxies, limit);
    std::printf("%d proxies added in %.2f s, by COPY alone in %.2f s\n", proxies, added,
                seconds_to_copy(server));
    std::fflush(stdout);
    server.query("VACUUM ANALYZE pharox.proxy");
    for (const std::string database : {"naive", "naive_indexed"}) {
        if (proxies > naive_most) break;
        make_naive(server, database, proxies, limit, database == "naive_indexed");
        std::ofstream(server.folder() / (database + ".sql")) << naive_cycle();
    }
    for (const std::string& durable : arguments.list("synchronous_commit")) {
        server.query("ALTER DATABASE pharox SET synchronous_commit = " + durable);
        server.query("ALTER DATABASE reference SET synchronous_commit = " + durable);
        server.query("ALTER ROLE pharox_app SET synchronous_commit = " + durable);
        for (const std::string& number : arguments.list("connections")) {
            const int connections = std::stoi(number);
            std::ofstream(server.folder() / "pharox.sql") << same_statements(options, selector, connections);
            const auto store = make_storage(options);
            std::map<std::string, std::vector<double>> cycles;
            std::map<std::string, std::vector<double>> p99;
            const auto keep = [&](const std::string& who, const Result& result) {
                cycles[who].push_back(result.cycles);
                p99[who].push_back(result.p99_us);
            };
            for (int round = 0; round < rounds; ++round) {
                keep("pharox", ours(*store, connections, seconds, selector));
                keep("pgbench", pgbench(server, "pharox", own_settings, connections, seconds));
                for (const std::string database : {"naive", "naive_indexed"}) {
                    if (proxies <= naive_most)
                        keep(database, pgbench(server, database, "", connections, seconds));
                }
                if (!python.empty())
                    keep("reference", reference(server, python, proxies, limit, connections, seconds));
                if (connections > 1) continue;
                for (const std::size_t size : {1U, 10U, 100U}) {
                    keep("batches of " + std::to_string(size), batches(*store, size, seconds, selector));
                }
            }
            std::printf("synchronous_commit=%s connections=%d\n", durable.c_str(), connections);
            const std::vector<double>& own = cycles["pharox"];
            for (const auto& [who, values] : cycles) {
                std::vector<double> ratios;
                for (std::size_t i = 0; i < values.size(); ++i) ratios.push_back(own[i] / values[i]);
                std::printf("  %-16s %8.0f /s   p99 %8.0f us   pharox is %.2f of it\n", who.c_str(),
                            median(values), median(p99[who]), median(ratios));
            }
            std::fflush(stdout);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc, argv});
    } catch (const std::exception& error) {
        std::cerr << "postgres_bench: " << error.what() << '\n';
        return 1;
    }
}
