// The sort keys that indexes hold, and their backfill when a pool is first asked for a selector.
#pragma once

#include <mutex>

#include "database.hpp"

namespace pharox::postgres {

/// The bits of pool.maintained_keys and pool.complete_keys.
namespace sort_key {
inline constexpr int use_sequence = 1;  ///< round_robin, and least_used for equal lease counts
inline constexpr int lease_count = 2;   ///< least_used
inline constexpr int latency = 4;       ///< lowest_latency
inline constexpr int random = 8;        ///< random
inline constexpr int weighted = 16;     ///< weighted_random
}  // namespace sort_key

/// Thread-safe.
class SortKeyBackfill {
  public:
    explicit SortKeyBackfill(Database& database) : database_(database) {}

    /// Returns when the pool's proxies have these keys, and every statement maintains them: once for each
    /// pool and key. Other clients may do a part of it. Throws StorageError if nothing happens for as long as
    /// a statement may take.
    void complete(const Operation& operation, PoolId pool, int keys);

  private:
    Database& database_;
    std::mutex starting_;
};

}  // namespace pharox::postgres
