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

/// Wrong for a store whose rotation is exact, right for one whose rotation is fair.
Properties fair_rotation() {
    Properties properties = record_store_properties(Planted("rotation_begins_with_the_last_id"));
    properties.rotation = Rotation::fair;
    properties.only = {"same_id_same_lease",
                       "slow_ones_go_in_the_selectors_order",
                       "ties_go_by_id",
                       "least_used_spreads_leases",
                       "rotation_is_fair_to_mixed_filters",
                       "rotation_is_fair_to_a_part_and_the_whole",
                       "rotation_is_fair_to_any_order_of_release",
                       "rotation_is_fair_to_threads",
                       "distinct_batch_repeats_no_proxy",
                       "acquires_under_faults",
                       "answers_are_the_models"};
    return properties;
}
[[maybe_unused]] const bool fair_registered = register_contract("FairRotation", fair_rotation());

}  // namespace

}  // namespace pharox::testkit::independent
