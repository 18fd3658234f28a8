// Many cycles of acquire and release: the cost of a cycle and the size on the disk stay the same. Ended
// leases are deleted after seconds instead of ten minutes, so that the cycles include deletions.
// PHAROX_LONG=1 runs 1,000,000 cycles.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "fixture.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr int proxies = 1'000;
constexpr int threads = 8;  // enough for batches
constexpr int tenths = 10;

int cycles() {
    const char* const asked = std::getenv("PHAROX_LONG");  // NOLINT(concurrency-mt-unsafe): never set here
    return asked == nullptr ? 20'000 : 1'000'000;
}

class Churn : public testing::Test {
  protected:
    struct Sample {
        double mean_us = 0;        ///< of a cycle
        double pages = 0;          ///< read by a cycle
        std::int64_t proxies = 0;  ///< bytes, with indexes
        std::int64_t leases = 0;
        std::int64_t remembered = 0;
    };

    Churn() {
        server_.stop("fast");
        server_.set("synchronous_commit=off");  // the speed of the disk is not measured here
        if (cycles() < 1'000'000) server_.set("autovacuum_naptime=1s");  // in proportion to the length
        server_.start();
        server_.migrate_and_grant("pharox");
        // Moves ended leases almost ten minutes into the past.
        server_.query(
            "CREATE FUNCTION age_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " NEW.released_at := NEW.released_at - interval '10 minutes' + interval '1 second'; RETURN NEW; "
            "END $$;"
            "CREATE TRIGGER ages BEFORE UPDATE ON pharox.lease FOR EACH ROW WHEN (OLD.status = 0 AND "
            "NEW.status = 1)"
            " EXECUTE FUNCTION age_it()");
        const auto store = make_storage(options());
        const ProxyPool pool = store->catalog()->add_pool({.name = "pool"});
        store->ensure_consumer({.name = "default"});
        std::vector<Proxy> some;
        for (int i = 0; i < proxies; ++i) {
            some.push_back({.pool_id = pool.id,
                            .host = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256),
                            .port = 8080,
                            .status = ProxyStatus::active,
                            .max_concurrency = 10});
        }
        store->catalog()->add_proxies({.proxies = some});
        server_.query("VACUUM ANALYZE");
    }

    [[nodiscard]] Options options() const {
        Options options = server_.options("pharox_app", "pharox");
        options.retention = 10min;
        return options;
    }
    [[nodiscard]] std::int64_t number(const std::string& sql) const {
        return std::stoll(server_.query("SELECT " + sql));
    }
    [[nodiscard]] std::int64_t pages() const {
        return number(
            "sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::bigint FROM "
            "pg_statio_user_tables"
            " WHERE relname IN ('proxy', 'lease')");
    }
    Sample run(int count) {
        const std::int64_t before = pages();
        const auto begin = std::chrono::steady_clock::now();
        {
            const auto store = make_storage(options());  // its sessions report their statistics when they end
            std::vector<std::jthread> users;
            for (int i = 0; i < threads; ++i) {
                users.emplace_back([&, i] {
                    for (int n = i; n < count; n += threads) {
                        const auto acquired = store->acquire(
                            {.pool = "pool",
                             .selector = n % 2 == 0 ? Selector::first_available : Selector::round_robin});
                        ASSERT_TRUE(acquired);
                        ASSERT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
                    }
                });
            }
        }
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
        return {.mean_us = took.count() * threads / count,
                .pages = static_cast<double>(pages() - before) / count,
                .proxies = number("pg_total_relation_size('pharox.proxy')"),
                .leases = number("pg_total_relation_size('pharox.lease')"),
                .remembered = number("count(*) FROM pharox.lease")};
    }

    TestServer server_;
};

TEST_F(Churn, leaves_cost_and_size_flat) {
    std::vector<Sample> samples;
    for (int tenth = 0; tenth < tenths; ++tenth) {
        samples.push_back(run(cycles() / tenths));
        const Sample& now = samples.back();
        std::printf(
            "%d/%d: %.0f us and %.1f pages a cycle; proxies %.1f MB, leases %.1f MB, %lld remembered\n",
            tenth + 1, tenths, now.mean_us, now.pages, static_cast<double>(now.proxies) / 1e6,
            static_cast<double>(now.leases) / 1e6, static_cast<long long>(now.remembered));
        std::fflush(stdout);
    }
    const Sample& early = samples[1];  // the first fills caches and tables
    const Sample& late = samples.back();
    EXPECT_LE(late.pages, early.pages * 1.5);
    EXPECT_LE(late.mean_us, early.mean_us * 3) << "other programs may be running";
    EXPECT_LE(late.proxies, early.proxies * 2);
    EXPECT_LE(late.leases, samples[4].leases * 2);
    EXPECT_LT(late.remembered, cycles() / 2) << "ended leases are deleted";
}

}  // namespace
}  // namespace pharox::postgres
