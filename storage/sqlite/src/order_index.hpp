// How a plan becomes a statement of acquire.sql over one index.
#pragma once

#include <string>

#include "pick_plan.hpp"

namespace pharox::sqlite {

using sqlkit::Attribute;
using sqlkit::attribute_count;
using sqlkit::PickPlan;
using sqlkit::selector_count;

/// Serves a selector's order among the available proxies that are active, or those that are slow, for one
/// attribute's value or for all.
struct OrderIndex {
    Selector selector = Selector::first_available;
    Attribute attribute = Attribute::none;
    bool slow = false;
    friend bool operator==(const OrderIndex&, const OrderIndex&) = default;
};
OrderIndex index_of(const PickPlan& plan) noexcept;
std::string index_name(OrderIndex index);
std::string create_index(OrderIndex index);

/// The statements of acquire.sql that a plan fills in.
enum class PickQuery : std::uint8_t {
    available_proxies,
    available_proxy_ids,
    available_proxy_by_id,
    miss_has_match
};
std::string pick_text(const PickPlan& plan, PickQuery query);
/// Tells the statement from every other, and is shorter than its text.
std::string pick_key(const PickPlan& plan, PickQuery query);

}  // namespace pharox::sqlite
