// Bulk inserts: policies at size, and their speed beside COPY's.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {
namespace {

class Bulk : public PostgresTest {};

std::vector<Proxy> many(const ProxyPool& pool, int count) {
    std::vector<Proxy> proxies;
    proxies.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        proxies.push_back({.pool_id = pool.id,
                           .host = "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) +
                                   "." + std::to_string(i % 256),
                           .port = 3128,
                           .status = ProxyStatus::active,
                           .country = "AR"});
    }
    return proxies;
}

TEST_F(Bulk, policies_at_size) {
    const auto store = open();
    const ProxyPool pool = store->catalog()->add_pool({.name = "pool"});
    auto proxies = many(pool, 5'000);
    EXPECT_EQ(store->catalog()->add_proxies({.proxies = proxies}).added, 5'000);
    auto again = many(pool, 6'000);  // other ids
    for (Proxy& proxy : again) proxy.country = "BR";
    EXPECT_THROW(store->catalog()->add_proxies({.proxies = again}), ConflictError);
    EXPECT_EQ(store->get_pool_stats({.pool = "pool"})->total_proxies, 5'000);
    const auto updated =
        store->catalog()->add_proxies({.proxies = again, .on_duplicate = DuplicatePolicy::update});
    EXPECT_EQ(updated.added, 1'000);
    EXPECT_EQ(updated.updated, 5'000);
    EXPECT_EQ(store->catalog()->get_proxy(proxies[17].id)->country, "BR");
    const auto skipped =
        store->catalog()->add_proxies({.proxies = proxies, .on_duplicate = DuplicatePolicy::skip});
    EXPECT_EQ(skipped.skipped, 5'000);
}

/// A deadlock is invisible to callers, because calls are repeated; but the server takes a second to detect
/// it.
TEST_F(Bulk, updates_and_releases_wait_for_each_other_in_one_order) {
    const auto deadlocks = [] {
        return server().query("SELECT deadlocks FROM pg_stat_database WHERE datname = 'pharox'");
    };
    const std::string before = deadlocks();
    {
        const auto store = open();
        const ProxyPool pool = store->catalog()->add_pool({.name = "pool"});
        store->ensure_consumer({.name = "default"});
        auto proxies = many(pool, 2'000);
        for (Proxy& proxy : proxies) proxy.max_concurrency = 1;
        std::reverse(proxies.begin(), proxies.end());  // in the table they do not lie in the order of ids
        store->catalog()->add_proxies({.proxies = proxies});
        std::atomic<bool> updated{false};
        const std::jthread leasing([&] {
            while (!updated) {
                std::vector<ReleaseRequest> held;
                for (const auto& leased :
                     store->acquire_many({.each = {.pool = "pool"}, .count = 500}).leased)
                    held.push_back({.lease_id = leased.lease().id});
                store->release_many(held);
            }
        });
        for (int round = 0; round < 10; ++round) {
            store->catalog()->add_proxies({.proxies = proxies, .on_duplicate = DuplicatePolicy::update});
        }
        updated = true;
    }
    EXPECT_EQ(deadlocks(), before);
}

TEST_F(Bulk, every_letter_survives_the_copy) {
    const auto store = open();
    const ProxyPool pool = store->catalog()->add_pool({.name = "pool"});
    auto proxies = many(pool, 1);
    proxies[0].source = "a\tb\nc\rd\\e\"f'{},N\\N";
    proxies[0].tags = {"\\", "\"", "{a,b}", "\t", "NULL", " ", "\n"};
    proxies[0].credentials = {.user = "u\\t", .password = "p\"\\N"};
    proxies[0].metadata = Json::object({{"k\"\\", "v\t\\"}, {"n", 1e300}});
    store->catalog()->add_proxies({.proxies = proxies});
    EXPECT_EQ(store->catalog()->get_proxy(proxies[0].id), proxies[0]);
}

TEST_F(Bulk, is_about_as_fast_as_copy) {
    const char* const asked = std::getenv("PHAROX_LONG");  // NOLINT(concurrency-mt-unsafe)
    const int count = asked == nullptr ? 20'000 : 1'000'000;
    const auto store = open();
    const ProxyPool pool = store->catalog()->add_pool({.name = "pool"});
    const auto proxies = many(pool, count);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(store->catalog()->add_proxies({.proxies = proxies}).added, count);
    const double ours = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    // The same rows into the same table with the same indexes, by COPY alone.
    const std::string file = (server().folder() / ("rows-" + schema_)).string();
    const std::string columns =
        "id, pool_id, host, port, protocol, status, checked_at, source, country, weight, tags, metadata,"
        " identity, availability";
    server().query("COPY (SELECT " + columns + " FROM " + schema_ + ".proxy) TO '" + file + "'");
    server().query("TRUNCATE " + schema_ + ".proxy");
    const auto copy_start = std::chrono::steady_clock::now();
    server().query("COPY " + schema_ + ".proxy (" + columns + ") FROM '" + file + "'");
    const double copy = std::chrono::duration<double>(std::chrono::steady_clock::now() - copy_start).count();
    RecordProperty("seconds", std::to_string(ours));
    RecordProperty("copy_seconds", std::to_string(copy));
    std::cout << count << " proxies: " << ours << " s, by COPY alone " << copy << " s\n";
    EXPECT_LT(ours, 4 * copy + 1) << "checking and staging cost something; not this much";
}

}  // namespace
}  // namespace pharox::postgres
