// The contract, kept by a file and by a database in memory.
#include "pharox/testkit/contract.hpp"

#include "pharox/sqlite/storage.hpp"

PHAROX_STORAGE_CONTRACT(SqliteFile, {.make =
                                         [](const pharox::testkit::Setup& setup) {
                                             return pharox::sqlite::make_storage(
                                                 {.path = setup.folder / "pools.db", .clock = setup.clock});
                                         },
                                     .durable = true,
                                     .processes = true,
                                     .clock = pharox::testkit::Clock::injected})

PHAROX_STORAGE_CONTRACT(SqliteMemory, {.make =
                                           [](const pharox::testkit::Setup& setup) {
                                               return pharox::sqlite::make_storage(
                                                   {.path = ":memory:", .clock = setup.clock});
                                           },
                                       .clock = pharox::testkit::Clock::injected})
