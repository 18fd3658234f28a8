// All cases, listed explicitly.
#include "runner/case.hpp"

namespace pharox::testkit {

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (const auto& some :
         {find_cases(),       filter_cases(),     place_cases(),   metadata_cases(), predicate_cases(),
          selector_cases(),   rotation_cases(),   lease_cases(),   limit_cases(),    lease_id_cases(),
          acquire_cases(),    release_cases(),    expiry_cases(),  cleanup_cases(),  token_cases(),
          consumer_cases(),   stats_cases(),      renewal_cases(), slow_cases(),     tenure_cases(),
          revocation_cases(), lease_list_cases(), batch_cases(),   waiting_cases(),  health_cases(),
          upkeep_cases(),     retention_cases(),  pool_cases(),    proxy_cases(),    bulk_cases(),
          removal_cases(),    paging_cases(),     value_cases(),   conflict_cases(), race_cases(),
          durability_cases(), process_cases(),    kill_cases(),    fault_cases(),    model_cases()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace pharox::testkit
