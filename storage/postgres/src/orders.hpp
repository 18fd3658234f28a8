// What the indexes of the orders go by, as the bits of pool.kept and pool.orders.
#pragma once

namespace pharox::postgres::order {

inline constexpr int turn = 1;       ///< round_robin, and among equals least_used
inline constexpr int load = 2;       ///< least_used
inline constexpr int latency = 4;    ///< lowest_latency
inline constexpr int random = 8;     ///< random
inline constexpr int weighted = 16;  ///< weighted_random

}  // namespace pharox::postgres::order
