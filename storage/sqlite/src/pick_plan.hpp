// How a selector and a filter become one query over one index.
#pragma once

#include <string>

#include "dialect.hpp"
#include "pharox/selector.hpp"

namespace pharox::sqlite {

inline constexpr int selector_count = 6;

/// Serves the selector's order among the available proxies that are active, or those that are slow, for one
/// attribute's value or for all.
struct OrderIndex {
    Selector selector = Selector::first_available;
    Attribute attribute = Attribute::none;
    bool slow = false;
    friend bool operator==(const OrderIndex&, const OrderIndex&) = default;
};
std::string index_name(OrderIndex index);
std::string create_index(OrderIndex index);

/// The statements of acquire.sql that a plan fills in.
enum class PickQuery : std::uint8_t {
    available_proxies,
    available_proxy_ids,
    available_proxy_by_id,
    miss_has_match
};

/// The available proxies of a pool that may match, in the selector's order.
struct PickPlan {
    OrderIndex index{};
    IndexedEquality equality{};
    FilterSql filter{};

    [[nodiscard]] std::string text(PickQuery query) const;
    /// Tells the statement from every other, and is shorter than its text.
    [[nodiscard]] std::string key(PickQuery query) const;
    /// The text is composed once for each connection.
    template <class Transaction>
    auto prepare(Transaction& transaction, PickQuery query) const {
        return transaction.prepare(key(query), [&] { return text(query); });
    }
    /// The same among slow proxies.
    [[nodiscard]] PickPlan of_slow_ones() const;

    template <class Target>
    void bind_filter(Target& statement) const {
        if (equality.attribute != Attribute::none) statement.bind(equality.value);
        for (const SqlValue& value : filter.values) statement.bind(value);
    }
};
PickPlan plan_pick(Selector selector, const ProxyFilters& filters);

}  // namespace pharox::sqlite
