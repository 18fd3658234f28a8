// The conformance suite on the model, and on the model with everything optional hidden.
#include "pharox/testkit/contract.hpp"

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/testkit/only_the_six.hpp"

using namespace pharox;

PHAROX_STORAGE_CONTRACT(InMemory, {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                                       return std::make_shared<InMemoryStorage>(
                                           InMemoryOptions{.clock = setup.clock,
                                                           .retained_leases = 20,
                                                           .health_retention = std::chrono::hours(2)});
                                   },
                                   .clock = testkit::Clock::injected,
                                   .tells_misses_apart = true,
                                   .retention = std::chrono::hours(1),
                                   .health_records = 1'000,
                                   .retained_leases = 20,
                                   .health_retention = std::chrono::hours(2)})

PHAROX_STORAGE_CONTRACT(OnlyTheSix,
                        {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                             return std::make_shared<testkit::OnlyTheSix>(
                                 std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = setup.clock}));
                         },
                         .clock = testkit::Clock::injected,
                         .seed_pool =
                             [](IStorage& store, const ProxyPool& pool) {
                                 dynamic_cast<testkit::OnlyTheSix&>(store).inner().catalog()->add_pool(pool);
                             },
                         .seed_proxy =
                             [](IStorage& store, const Proxy& proxy) {
                                 dynamic_cast<testkit::OnlyTheSix&>(store).inner().catalog()->add_proxy(
                                     proxy);
                             }})

// The suite's other half: a clock of the store's own, so that cases wait.
PHAROX_STORAGE_CONTRACT(OwnClock, {.make = [](const testkit::Setup&) -> std::shared_ptr<IStorage> {
                            return std::make_shared<InMemoryStorage>();
                        }})
