// The statistics of a pool at one instant.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct PoolStatsSnapshot {
    std::string pool_name;
    std::int64_t total_proxies = 0;
    std::int64_t active_proxies = 0;     ///< of status active
    std::int64_t available_proxies = 0;  ///< what find_available_proxy could return without filters
    std::int64_t leased_proxies = 0;     ///< with at least one active lease
    std::int64_t total_leases = 0;       ///< active ones
    Timestamp collected_at{};

    friend bool operator==(const PoolStatsSnapshot&, const PoolStatsSnapshot&) = default;
};

std::ostream& operator<<(std::ostream& out, const PoolStatsSnapshot& stats);

}  // namespace pharox
