// The selectors' orders, as ORDER BY and as the columns of an index.
#pragma once

#include <array>
#include <string_view>

#include "pharox/selector.hpp"

namespace pharox::sqlkit {

struct SortOrder {
    std::string_view name;
    std::string_view columns;
    std::string_view condition{};  ///< empty, or continues a condition
};

inline constexpr int selector_count = 6;

/// `use_sequence` grows with each use of a proxy, `latency_rank` is the latency with unknown ones last, the
/// random keys are those of random_order.
inline constexpr std::array<SortOrder, selector_count> sort_orders = {{
    {.name = "first_available", .columns = "checked_at DESC, id"},
    {.name = "round_robin", .columns = "use_sequence, id"},
    {.name = "least_used", .columns = "current_leases, use_sequence, id"},
    {.name = "lowest_latency", .columns = "latency_rank, id"},
    {.name = "random", .columns = "random_key, id"},
    {.name = "weighted_random", .columns = "weighted_key, id", .condition = " AND weight > 0"},
}};
constexpr const SortOrder& sort_order_of(Selector selector) noexcept {
    return sort_orders[static_cast<std::size_t>(selector)];
}

}  // namespace pharox::sqlkit
