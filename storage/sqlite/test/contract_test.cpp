// The contract, kept by a file and by a database in memory.
#include "pharox/testkit/contract.hpp"

#include <string>

#include "fixture.hpp"
#include "pharox/sqlite/storage.hpp"

namespace {

void break_counter(pharox::IStorage& /*store*/, const pharox::testkit::Setup& setup, pharox::ProxyId proxy,
                   int counter) {
    std::string id = proxy.to_string();
    std::erase(id, '-');
    const std::string value = std::to_string(counter);
    pharox::sqlite::RawDatabase(setup.folder / "pools.db")
        .execute("UPDATE proxy SET current_leases = " + value +
                 ", available = (status = 0 AND (max_concurrency IS NULL OR " + value +
                 " < max_concurrency)) WHERE id = x'" + id + "'");
}

}  // namespace

PHAROX_STORAGE_CONTRACT(SqliteFile, {.make =
                                         [](const pharox::testkit::Setup& setup) {
                                             return pharox::sqlite::make_storage(
                                                 {.path = setup.folder / "pools.db",
                                                  .retained_leases = 20,
                                                  .health_retention = std::chrono::hours(2),
                                                  .clock = setup.clock});
                                         },
                                     .durable = true,
                                     .processes = true,
                                     .clock = pharox::testkit::Clock::injected,
                                     .tells_misses_apart = true,
                                     .retention = std::chrono::hours(1),
                                     .health_records = 1'000,
                                     .retained_leases = 20,
                                     .health_retention = std::chrono::hours(2),
                                     .break_counter = break_counter})

PHAROX_STORAGE_CONTRACT(SqliteMemory, {.make =
                                           [](const pharox::testkit::Setup& setup) {
                                               return pharox::sqlite::make_storage(
                                                   {.path = ":memory:", .clock = setup.clock});
                                           },
                                       .clock = pharox::testkit::Clock::injected})
