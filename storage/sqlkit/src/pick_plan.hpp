// The candidates of an acquire or a find, and their order.
#pragma once

#include <vector>

#include "filter_sql.hpp"
#include "sort_order.hpp"

namespace pharox::sqlkit {

/// A query for the available proxies of a pool that may match, in the selector's order.
struct PickPlan {
    Selector selector = Selector::first_available;
    bool slow = false;  ///< among slow proxies instead of active ones
    IndexedEquality equality{};
    FilterSql filter{};

    /// Binds the values of the equality and of the filter, in this order.
    template <class Statement>
    void bind_filter(Statement& statement) const {
        if (equality.attribute != Attribute::none) statement.bind(equality.value);
        for (const SqlValue& value : filter.values) statement.bind(value);
    }
};

/// The plans in the order in which they are tried: active proxies, then slow ones if they are allowed. Not
/// empty.
std::vector<PickPlan> plan_pick(const Dialect& dialect, Selector selector, const ProxyFilters& filters,
                                bool allow_slow);

}  // namespace pharox::sqlkit
