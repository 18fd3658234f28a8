// The conformance suite on an adapter that shares no code with the in-memory storage.
#include <memory>

#include "independent/record_store.hpp"
#include "independent/record_store_bugs.hpp"

namespace pharox::testkit::independent {

Properties record_store_properties(const Planted& planted) {
    return {.make = [planted](const Setup& setup) -> std::shared_ptr<IStorage> {
                return std::make_shared<Sealed<RecordStore>>(RecordStoreOptions{
                    .file = setup.folder / "records", .clock = setup.clock, .planted = planted});
            },
            .durable = true,
            .clock = Clock::injected,
            .tells_misses_apart = true,
            .retention = std::chrono::hours(1),
            .health_records = 1'000,
            .retained_leases = 20,
            .health_retention = std::chrono::hours(2),
            .break_counter =
                [](IStorage& store, const Setup& /*setup*/, ProxyId proxy, int counter) {
                    dynamic_cast<RecordStore&>(store).break_counter(proxy, counter);
                }};
}

namespace {

[[maybe_unused]] const bool registered = register_contract("RecordStore", record_store_properties(Planted()));

}  // namespace

}  // namespace pharox::testkit::independent
