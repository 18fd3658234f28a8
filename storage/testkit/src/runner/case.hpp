// One case of the conformance suite, and the lists of them all.
#pragma once

#include <string_view>
#include <vector>

namespace pharox::testkit {

class Context;

/// What a case needs of a store beyond the six.
struct Needs {
    bool catalog = false;
    bool lease_control = false;
    bool health_log = false;
    bool maintenance = false;
    bool durable = false;
    bool processes = false;
    bool test_clock = false;
    bool retention = false;         ///< Properties::retention is set
    bool health_records = false;    ///< Properties::health_records is set
    bool retained_leases = false;   ///< Properties::retained_leases is set
    bool health_retention = false;  ///< Properties::health_retention is set
    bool replays = false;           ///< Properties::replays is true
    bool exact_rotation = false;    ///< Properties::rotation is exact
    bool broken_counter = false;    ///< Properties::break_counter is set
};

/// `rules` are the numbers in docs/storage-contract.md; tools/check-contract reads them from the sources.
struct Case {
    std::string_view name;
    std::vector<std::string_view> rules;
    Needs needs;
    void (*run)(Context&);
};

std::vector<Case> find_cases();
std::vector<Case> filter_cases();
std::vector<Case> place_cases();
std::vector<Case> metadata_cases();
std::vector<Case> predicate_cases();
std::vector<Case> selector_cases();
std::vector<Case> rotation_cases();
std::vector<Case> lease_cases();
std::vector<Case> limit_cases();
std::vector<Case> lease_id_cases();
std::vector<Case> acquire_cases();
std::vector<Case> release_cases();
std::vector<Case> expiry_cases();
std::vector<Case> cleanup_cases();
std::vector<Case> token_cases();
std::vector<Case> consumer_cases();
std::vector<Case> stats_cases();
std::vector<Case> renewal_cases();
std::vector<Case> slow_cases();
std::vector<Case> tenure_cases();
std::vector<Case> revocation_cases();
std::vector<Case> lease_list_cases();
std::vector<Case> batch_cases();
std::vector<Case> waiting_cases();
std::vector<Case> health_cases();
std::vector<Case> upkeep_cases();
std::vector<Case> retention_cases();
std::vector<Case> fault_cases();
std::vector<Case> kill_cases();
std::vector<Case> pool_cases();
std::vector<Case> proxy_cases();
std::vector<Case> bulk_cases();
std::vector<Case> removal_cases();
std::vector<Case> paging_cases();
std::vector<Case> value_cases();
std::vector<Case> conflict_cases();
std::vector<Case> race_cases();
std::vector<Case> durability_cases();
std::vector<Case> process_cases();
std::vector<Case> model_cases();

/// Every case there is, in the order of the page.
std::vector<Case> all_cases();

}  // namespace pharox::testkit
