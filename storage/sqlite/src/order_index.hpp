// The statement of acquire.sql, and the index, for a plan.
#pragma once

#include <string>

#include "pick_plan.hpp"

namespace pharox::sqlite {

using sqlkit::Attribute;
using sqlkit::attribute_count;
using sqlkit::PickPlan;
using sqlkit::selector_count;

/// An index with a selector's order over the available proxies, active or slow ones, either all of them or
/// grouped by one attribute's value.
struct OrderIndex {
    Selector selector = Selector::first_available;
    Attribute attribute = Attribute::none;
    bool slow = false;
    friend bool operator==(const OrderIndex&, const OrderIndex&) = default;
};
OrderIndex index_of(const PickPlan& plan) noexcept;
std::string index_name(OrderIndex index);
std::string create_index(OrderIndex index);

/// The statements of acquire.sql whose slots a plan fills in.
enum class PickQuery : std::uint8_t {
    available_proxies,
    available_proxy_ids,
    available_proxy_by_id,
    miss_has_match
};
std::string pick_text(const PickPlan& plan, PickQuery query);
/// A key that identifies the statement and is shorter than its text.
std::string pick_key(const PickPlan& plan, PickQuery query);

}  // namespace pharox::sqlite
