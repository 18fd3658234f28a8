// How a selector and a filter become one query over one index.
#pragma once

#include <string>

#include "dialect.hpp"
#include "pharox/selector.hpp"

namespace pharox::sqlite {

inline constexpr int selector_count = 6;

/// Serves the selector's order among the active proxies with room, or the slow ones, for one attribute's
/// value or for all.
struct OrderIndex {
    Selector selector = Selector::first_available;
    Attribute attribute = Attribute::none;
    bool slow = false;
    friend bool operator==(const OrderIndex&, const OrderIndex&) = default;
};
std::string index_name(OrderIndex index);
std::string create_index(OrderIndex index);

/// The available proxies of a pool that may match, in the selector's order.
struct PickPlan {
    OrderIndex index{};
    IndexedEquality equality{};
    FilterSql filter{};

    /// Rows of proxies. Parameters: pool id; those of bind_filter(); how many at most.
    [[nodiscard]] std::string rows() const;
    /// Their ids alone, all of them. Parameters: pool id; those of bind_filter().
    [[nodiscard]] std::string ids() const;
    /// One row by id, if it is still available and may match. Parameters: pool id; those of bind_filter();
    /// the id.
    [[nodiscard]] std::string row_if_still_fits() const;
    /// A row if any proxy of the pool, active or slow as the plan is, that may match has room, or is full.
    /// Parameters: pool id; whether it has room;
    /// those of bind_filter().
    [[nodiscard]] std::string any() const;
    /// The same among slow ones.
    [[nodiscard]] PickPlan of_slow_ones() const;

    template <class Target>
    void bind_filter(Target& statement) const {
        if (equality.attribute != Attribute::none) statement.bind(equality.value);
        for (const SqlValue& value : filter.values) statement.bind(value);
    }
};
PickPlan plan_pick(Selector selector, const ProxyFilters& filters);

}  // namespace pharox::sqlite
