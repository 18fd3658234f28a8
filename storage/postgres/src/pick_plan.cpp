#include "pick_plan.hpp"

#include <algorithm>
#include <array>

#include "pharox/postgres/storage.hpp"
#include "queries.hpp"

namespace pharox::postgres {

namespace {

struct Order {
    std::string_view name;
    std::string_view columns;
    std::string_view condition;
};

const Order& order_for(Selector selector) noexcept {
    static constexpr std::array<Order, 6> orders = {{
        {"first_available", "checked_at DESC, id", ""},
        {"round_robin", "used, id", ""},
        {"least_used", "current_leases, used, id", ""},
        {"lowest_latency", "latency_ms, id", ""},  // nulls come last
        {"random", "random_key, id", ""},
        {"weighted_random", "weighted_key, id", " AND weight > 0"},
    }};
    return orders[static_cast<std::size_t>(selector)];
}

/// Tags, metadata and places are served by indexes that do not deliver an order: whether they pay depends on
/// how rare the value is.
bool depends_on_values(const ProxyFilters& filters) {
    const auto any = [](const std::vector<ProxyFilters>& parts) {
        for (const ProxyFilters& part : parts) {
            if (depends_on_values(part)) return true;
        }
        return false;
    };
    return !filters.tags.empty() || !filters.metadata.empty() || filters.latitude || any(filters.all_of) ||
           any(filters.any_of) || any(filters.none_of);
}

std::string in_order(Selector selector) { return " ORDER BY " + std::string(order_for(selector).columns); }

std::string_view with_room(int status) {
    return status == 0 ? query::active_with_room : query::slow_with_room;
}

}  // namespace

std::string_view order_of(Selector selector) noexcept { return order_for(selector).columns; }

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

std::string PickPlan::where(int own_parameters) const {
    std::string text(order_for(selector_).condition);
    if (!filters_.empty()) text += compile_filter(filters_, own_parameters + 1).where;
    return text;
}

void PickPlan::add_filter(Parameters& parameters) const {
    if (filters_.empty()) return;
    for (const SqlValue& value : compile_filter(filters_, 1).values) parameters.add(value);
}

/// Rows that are free, else rows that others are at: a locked row is no row that is taken.
std::string PickPlan::locked_steps(const std::string& conditions) const {
    std::string text;
    std::string steps;
    std::string earlier;
    const auto step = [&](const std::string& name, int room, bool free) {
        text += ", " + name + " AS MATERIALIZED (" + query::candidate;
        text += with_room(room);
        text += conditions;
        // By turns: what was used since we looked has had its turn.
        const bool by_marks = selector_ == Selector::round_robin || selector_ == Selector::least_used;
        if (by_marks && free) text += " AND used <= (SELECT mark FROM ask)";
        text += earlier + in_order(selector_) + (free ? query::lock_free : query::lock_busy) + ")";
        earlier += " AND NOT EXISTS (SELECT 1 FROM " + name + ")";
        steps += (steps.empty() ? "SELECT * FROM " : " UNION ALL SELECT * FROM ") + name;
    };
    step("free", 0, true);
    step("busy", 0, false);
    if (allow_slow_) {
        step("free_slow", 2, true);
        step("busy_slow", 2, false);
    }
    return text + ", chosen AS MATERIALIZED (" + steps + ")";
}

std::string PickPlan::take(bool lease) const {
    std::string text = query::clock;
    if (selector_ == Selector::random) text += query::random_progress;
    if (selector_ == Selector::weighted_random) text += query::weighted_progress;
    if (lease) {
        text += query::lease_it;
    } else {
        text += query::mark_it;
        text += selector_ == Selector::round_robin ? query::next_mark : query::same_mark;
    }
    if (selector_ == Selector::random) text += query::draw_random;
    if (selector_ == Selector::weighted_random) text += query::draw_weighted;
    text += lease ? query::taken_from : query::marked_from;
    return text + query::picked;
}

std::string PickPlan::acquire() const {
    return query::ask + locked_steps(where(query::pick_parameters)) + take(true);
}
std::string PickPlan::find_and_mark() const {
    return query::ask + locked_steps(where(query::pick_parameters)) + take(false);
}
std::string PickPlan::acquire_this() const {
    return query::ask + locked_steps(query::this_proxy + where(query::pick_parameters + 2)) + take(true);
}
std::string PickPlan::mark_this() const {
    return query::ask + locked_steps(query::this_proxy + where(query::pick_parameters + 2)) + take(false);
}

std::string PickPlan::find() const {
    const std::string conditions = where(query::find_parameters);
    const auto step = [&](int room) {
        return query::find_candidate + std::string(with_room(room)) + conditions;
    };
    std::string text = query::find_ask;
    text += ", active AS MATERIALIZED (" + step(0) + in_order(selector_) + " LIMIT 1)";
    if (allow_slow_) {
        text += ", slow AS MATERIALIZED (" + step(2) + " AND NOT EXISTS (SELECT 1 FROM active)" +
                in_order(selector_) +
                " LIMIT 1), chosen AS (SELECT * FROM active UNION ALL SELECT * FROM slow)";
    } else {
        text += ", chosen AS (SELECT * FROM active)";
    }
    return text + query::found;
}

std::string PickPlan::candidates(int room) const {
    return query::candidates + std::string(with_room(room)) + where(query::list_parameters) +
           in_order(selector_) + " LIMIT 64";
}
std::string PickPlan::candidate_ids(int room) const {
    return query::candidate_ids + std::string(with_room(room)) + where(query::list_parameters) +
           in_order(selector_);
}

std::string PickPlan::miss() const {
    const std::string filter =
        filters_.empty() ? "" : compile_filter(filters_, query::find_parameters + 1).where;
    const std::string weighed(order_for(selector_).condition);
    const auto either = [&](std::string_view active, std::string_view slow, const std::string& more) {
        std::string probe = query::miss_probe + std::string(active) + filter + more + ")";
        if (allow_slow_) {
            probe = ", (" + probe.substr(2) + " OR " + std::string(query::miss_probe).substr(2) +
                    std::string(slow) + filter + more + "))";
        }
        return probe;
    };
    return query::miss_ask + either(query::active_with_room, query::slow_with_room, weighed) +
           either(query::active_and_full, query::slow_and_full, "") +
           either(query::active_with_room, query::slow_with_room, "") + query::miss_from;
}

std::string index_statement(Selector selector, std::string_view attribute, std::string_view schema) {
    constexpr std::array<std::string_view, 7> attributes = {"",         "country", "source", "asn",
                                                            "protocol", "city",    "isp"};
    if (std::find(attributes.begin(), attributes.end(), attribute) == attributes.end()) {
        throw ValidationError("attribute", attribute, "is not country, source, asn, protocol, city or isp");
    }
    const Order& order = order_for(selector);
    std::string name = "proxy_" + std::string(order.name);
    std::string columns = "pool_id, room, ";
    std::string condition = "room IS NOT NULL" + std::string(order.condition);
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
