#include "pick_plan.hpp"

#include <algorithm>
#include <array>

#include "lease_queries.hpp"
#include "orders.hpp"
#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

namespace {

struct Order {
    std::string_view name;
    std::string_view columns;  ///< of its index, after (pool_id, availability)
    std::string_view condition{};
    int orders = 0;  ///< that it takes
};

const Order& order_for(Selector selector) noexcept {
    static constexpr std::array<Order, 6> orders = {{
        {.name = "first_available", .columns = "checked_at DESC, id"},
        {.name = "round_robin",
         .columns = "use_sequence_key, id",
         .condition = " AND use_sequence_key IS NOT NULL",
         .orders = order::turn},
        {.name = "least_used",
         .columns = "lease_count_key, use_sequence_key, id",
         .condition = " AND lease_count_key IS NOT NULL",
         .orders = order::turn | order::load},
        {.name = "lowest_latency",
         .columns = "latency_key, id",
         .condition = " AND latency_key IS NOT NULL",
         .orders = order::latency},
        {.name = "random",
         .columns = "random_key, id",
         .condition = " AND random_key IS NOT NULL",
         .orders = order::random},
        {.name = "weighted_random",
         .columns = "weighted_key, id",
         .condition = " AND weight > 0 AND weighted_key IS NOT NULL",
         .orders = order::weighted},
    }};
    return orders[static_cast<std::size_t>(selector)];
}

/// Tags, metadata and places are served by indexes that do not deliver an order: whether they pay depends on
/// how rare the value is.
bool depends_on_values(const ProxyFilters& filters) {
    const auto any = [](const std::vector<ProxyFilters>& parts) {
        return std::ranges::any_of(parts, depends_on_values);
    };
    return !filters.tags.empty() || !filters.metadata.empty() || filters.latitude || any(filters.all_of) ||
           any(filters.any_of) || any(filters.none_of);
}

/// A row that a predicate has accepted, if it still is what it was.
std::string this_proxy(int parameters) {
    return " AND id = $" + std::to_string(parameters + 1) + " AND revision = $" +
           std::to_string(parameters + 2);
}
/// None that one of these leases is on.
std::string other_proxy(int parameters) {
    return " AND id NOT IN (SELECT proxy_id FROM pharox.lease WHERE id = ANY ($" +
           std::to_string(parameters + 1) + "))";
}

std::string_view with_availability(int status) {
    return status == 0 ? query::active_with_room : query::slow_with_room;
}

}  // namespace

PickPlan::PickPlan(Selector selector, const ProxyFilters& filters, bool allow_slow)
    : selector_(selector), filters_(filters), allow_slow_(allow_slow) {
    if (filters.empty()) return;
    exact_ = compile_filter(filters, 1).exact;
    if (depends_on_values(filters)) plan_ = Plan::once;
}

bool PickPlan::moves_what_it_finds() const noexcept {
    return selector_ == Selector::round_robin || selector_ == Selector::random ||
           selector_ == Selector::weighted_random;
}

bool PickPlan::has_places() const {
    if (selector_ != Selector::first_available) return false;
    if (filters_.empty() || sole_attribute(filters_) == Attribute::none) return filters_.empty();
    const FilterSql filter = compile_filter(filters_, 1);
    return filter.exact && filter.values.size() == 1;
}

int PickPlan::orders() const noexcept { return order_for(selector_).orders; }

std::string PickPlan::where(int own_parameters) const {
    std::string text(order_for(selector_).condition);
    if (!filters_.empty()) text += compile_filter(filters_, own_parameters + 1, form()).where;
    return text;
}

/// The indexes of other orders go by it after an attribute too, but there need not be any.
Sole PickPlan::form() const noexcept {
    return selector_ == Selector::first_available ? Sole::as_range : Sole::as_equality;
}

std::string PickPlan::in_order() const {
    std::string text = " ORDER BY ";
    const Attribute sole = sole_attribute(filters_);
    if (form() == Sole::as_range && sole != Attribute::none)
        text += std::string(sqlkit::column_of(sole)) + ", ";
    return text + std::string(order_for(selector_).columns);
}

void PickPlan::add_filter(Parameters& parameters) const {
    if (filters_.empty()) return;
    for (const SqlValue& value : compile_filter(filters_, 1).values) parameters.add(value);
}

/// Up to the order.
std::string PickPlan::pick(Reach reach, const std::string& conditions, std::string_view of_pool) const {
    const Order& order = order_for(selector_);
    std::string text = query::pick;
    if (selector_ == Selector::random) text += ", random_key";
    if (selector_ == Selector::weighted_random) text += ", weighted_key";
    text += query::pick_from;
    if (order.orders != 0) {
        const std::string bits = std::to_string(order.orders);
        text += " AND complete_keys & " + bits + " = " + bits;
    }
    text += of_pool;
    text += ")";
    text += with_availability(reach.availability);
    text += conditions;
    if ((order.orders & order::turn) != 0 && !reach.waits) text += query::not_used_meanwhile;
    return text;
}

std::string PickPlan::choose(Reach reach, const std::string& conditions, std::string_view of_pool) const {
    if (!reach.waits) return query::choose + pick(reach, conditions, of_pool) + in_order() + query::lock_free;
    return query::choose + pick(reach, conditions, of_pool) + query::first_of +
           std::string(with_availability(reach.availability)) + conditions + in_order() + query::lock_first;
}

std::string PickPlan::choose_any(const std::string& conditions, std::string_view of_pool) const {
    if (!allow_slow_) return choose({}, conditions, of_pool);
    const std::string order = in_order() + query::lock_free;
    return query::choose_active + pick({}, conditions, of_pool) + order + query::or_slow +
           pick({.availability = static_cast<int>(ProxyStatus::slow)}, conditions, of_pool) +
           query::unless_one_is_active + query::pick_from + ")" + std::string(with_availability(0)) +
           conditions + query::unless_one_is_due + order + query::choose_either;
}

std::string PickPlan::choose_near(std::string_view take) const {
    const std::string conditions = std::string(with_availability(0)) + where(query::acquire_parameters + 1);
    const bool several = take == query::take_some;
    return query::choose_near + std::string(query::pick_from) +
           (several ? query::if_leases_are_new : query::if_lease_is_new) + ")" + conditions + in_order() +
           query::from_place + conditions + query::lock_near + std::string(take);
}

/// How far a random order has come.
std::string PickPlan::progress() const {
    if (selector_ == Selector::random) return query::random_progress;
    return selector_ == Selector::weighted_random ? query::weighted_progress : "";
}
std::string PickPlan::draw() const {
    if (selector_ == Selector::random) return query::draw_random;
    return selector_ == Selector::weighted_random ? query::draw_weighted : "";
}

std::string PickPlan::lease_chosen() const {
    return progress() + query::lease_it + draw() + query::taken_from + query::record_lease + query::leased;
}
std::string PickPlan::mark_chosen() const {
    return progress() + (selector_ == Selector::round_robin ? query::mark_it : query::leave_mark) + draw() +
           query::taken_from + query::marked;
}

std::string PickPlan::acquire_any(bool unless_expired) const {
    std::string of_pool = query::if_lease_is_new;
    if (unless_expired) of_pool += query::if_all_is_collected;
    return choose_any(where(query::acquire_parameters), of_pool) + lease_chosen();
}
std::string PickPlan::acquire(Reach reach) const {
    return choose(reach, where(query::acquire_parameters), query::if_lease_is_new) + lease_chosen();
}
std::string PickPlan::acquire_at_place() const { return choose_near(query::take_one) + lease_chosen(); }
std::string PickPlan::acquire_together() const {
    return choose_near(query::take_some) + query::lease_it + query::some_taken_from + query::record_leases +
           query::count_due + query::some_leased;
}
std::string PickPlan::acquire_other() const {
    std::string of_pool = query::if_lease_is_new;
    of_pool += query::if_all_is_collected;
    return choose_any(other_proxy(query::acquire_parameters) + where(query::acquire_parameters + 1),
                      of_pool) +
           lease_chosen();
}
std::string PickPlan::acquire_this(Reach reach) const {
    return choose(reach, this_proxy(query::acquire_parameters) + where(query::acquire_parameters + 2),
                  query::if_lease_is_new) +
           lease_chosen();
}
std::string PickPlan::find_and_mark(Reach reach) const {
    return choose(reach, where(query::mark_parameters)) + mark_chosen();
}
std::string PickPlan::mark_this(Reach reach) const {
    return choose(reach, this_proxy(query::mark_parameters) + where(query::mark_parameters + 2)) +
           mark_chosen();
}

std::string PickPlan::find() const {
    const std::string conditions = where(query::find_parameters);
    const auto step = [&](int availability) {
        return query::find_candidate + std::string(with_availability(availability)) + conditions;
    };
    std::string text = query::find_ask;
    text += ", active AS MATERIALIZED (" + step(0) + in_order() + " LIMIT 1)";
    if (allow_slow_) {
        text += ", slow AS MATERIALIZED (" + step(2) + " AND NOT EXISTS (SELECT 1 FROM active)" + in_order() +
                " LIMIT 1), chosen AS (SELECT * FROM active UNION ALL SELECT * FROM slow)";
    } else {
        text += ", chosen AS (SELECT * FROM active)";
    }
    return text + query::found;
}

std::string PickPlan::candidates(int availability) const {
    return query::candidates + std::string(with_availability(availability)) + where(query::list_parameters) +
           in_order() + " LIMIT 64";
}
std::string PickPlan::candidate_ids(int availability) const {
    return query::candidate_ids + std::string(with_availability(availability)) +
           where(query::list_parameters) + in_order();
}

std::string PickPlan::miss(Busy busy) const {
    const std::string filter =
        filters_.empty() ? "" : compile_filter(filters_, query::miss_parameters + 1, Sole::as_range).where;
    const std::string weighed = selector_ == Selector::weighted_random ? " AND weight > 0" : "";
    const std::string nowhere = "FALSE";
    const auto probe = [&](bool wanted, std::string_view which, const std::string& more) {
        return wanted ? query::miss_probe + std::string(which) + filter + more + ")" : nowhere;
    };
    const std::string free = probe(true, query::active_with_room, weighed);
    const auto rather = [&](const std::string& text) {
        return busy == Busy::asked_for || text == nowhere
                   ? text
                   : "CASE WHEN " + free + " THEN FALSE ELSE " + text + " END";
    };
    std::string text = query::miss_ask;
    text += ", " + probe(true, query::with_due_lease, "");
    text += ", " + free;
    text += ", " + probe(allow_slow_, query::slow_with_room, weighed);
    text += ", " + rather(probe(true, query::active_and_full, ""));
    text += ", " + rather(probe(allow_slow_, query::slow_and_full, ""));
    // What is never picked is told apart from what is free where there is such a thing.
    text += ", " + probe(!weighed.empty(), query::active_with_room, "");
    text += ", " + probe(!weighed.empty() && allow_slow_, query::slow_with_room, "");
    return text + query::miss_from;
}

std::string index_statement(Selector selector, std::string_view attribute, std::string_view schema) {
    constexpr std::array<std::string_view, 7> attributes = {"",         "country", "source", "asn",
                                                            "protocol", "city",    "isp"};
    if (std::find(attributes.begin(), attributes.end(), attribute) == attributes.end()) {
        throw ValidationError("attribute", attribute, "is not country, source, asn, protocol, city or isp");
    }
    const Order& order = order_for(selector);
    std::string name = "proxy_" + std::string(order.name);
    std::string columns = "pool_id, availability, ";
    // A miss looks for full ones by the indexes of first_available.
    std::string condition =
        selector == Selector::first_available ? "availability IS NOT NULL" : "availability < 4";
    condition += order.condition;
    if (!attribute.empty()) {
        name += "_by_" + std::string(attribute);
        columns += std::string(attribute) + ", ";
        condition += " AND " + std::string(attribute) + " IS NOT NULL";
    }
    columns += order.columns;
    return "CREATE INDEX CONCURRENTLY IF NOT EXISTS " + name + " ON \"" + std::string(schema) + "\".proxy (" +
           columns + ") WHERE " + condition;
}

}  // namespace pharox::postgres
