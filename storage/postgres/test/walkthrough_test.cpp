// The programs and the SQL of docs/how-to/postgres-adapter.md.
#include <pharox/pharox.hpp>
#include <pharox/postgres/storage.hpp>

#include <thread>

#include "fixture.hpp"

using namespace std::chrono_literals;

namespace {

// clang-format off
// Once per deployment, as the owner of the schema.
pharox::postgres::MigrationPlan deploy(const std::string& owner_url) {
    return pharox::postgres::migrate({.connection = owner_url});
}

// At first, and for each new list of a provider.
void fill(pharox::IStorage& storage, const std::vector<std::string>& hosts) {
    const auto pool = pharox::bootstrap_pool(storage, {.name = "eu"});
    pharox::bootstrap_consumer(storage, {.name = "crawler"});
    std::vector<pharox::Proxy> proxies;
    for (const std::string& host : hosts) {
        proxies.push_back({.pool_id = pool.id,
                           .host = host,
                           .port = 3128,
                           .status = pharox::ProxyStatus::active,
                           .country = "DE",
                           .max_concurrency = 2});
    }
    pharox::require_catalog(storage).add_proxies(
        {.proxies = proxies, .on_duplicate = pharox::DuplicatePolicy::update});
}

// Every worker, on any machine.
int work(const std::string& url) {
    auto storage = pharox::postgres::make_storage(
        {.connection = url, .migrations = pharox::postgres::Migrations::expect});
    pharox::ProxyManager manager{storage};
    int done = 0;
    for (int job = 0; job < 20; ++job) {
        auto held = manager.hold({.pool = "eu",
                                  .consumer = "crawler",
                                  .duration = 30s,
                                  .filters = {.country = "DE"},
                                  .selector = pharox::Selector::round_robin,
                                  .wait = 10s});
        if (!held) continue;
        // … use held->proxy().url() …
        ++done;
    }
    return done;
}
// clang-format on

TEST(Walkthrough, from_an_empty_database_to_a_fleet) {
    const auto& server = pharox::postgres::TestServer::shared();
    EXPECT_EQ(deploy(server.as("pharox_owner")).from, 0);
    server.query(pharox::postgres::grants_for("pharox"));
    const auto storage = pharox::postgres::make_storage(server.options("pharox_app", "pharox"));
    fill(*storage, {"192.0.2.1", "192.0.2.2", "192.0.2.3"});
    fill(*storage, {"192.0.2.3", "192.0.2.4"});
    std::atomic<int> done{0};
    {
        std::vector<std::jthread> fleet;
        for (int i = 0; i < 10; ++i) fleet.emplace_back([&] { done += work(server.as("pharox_app")); });
    }
    EXPECT_EQ(done, 200);
    const auto stats = storage->get_pool_stats({.pool = "eu"});
    EXPECT_EQ(stats->total_proxies, 4);
    EXPECT_EQ(stats->total_leases, 0);
}

}  // namespace
