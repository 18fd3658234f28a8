#include "pick_plan.hpp"

#include <array>

#include "queries.hpp"

namespace pharox::sqlite {

namespace {

struct Order {
    std::string_view name;
    std::string_view columns;
    std::string_view condition{};
};

const Order& order_of(Selector selector) {
    static constexpr std::array<Order, selector_count> orders = {{
        {.name = "first_available", .columns = "checked_at DESC, id"},
        {.name = "round_robin", .columns = "mark, id"},
        {.name = "least_used", .columns = "current_leases, mark, id"},
        {.name = "lowest_latency", .columns = "latency_rank, id"},
        {.name = "random", .columns = "random_key, id"},
        {.name = "weighted_random", .columns = "weighted_key, id", .condition = " AND weight > 0"},
    }};
    return orders[static_cast<std::size_t>(selector)];
}

constexpr std::string_view not_full = "(max_concurrency IS NULL OR current_leases < max_concurrency)";

/// The same words in the index and in the query, or SQLite does not see that the one serves the other.
std::string availability(bool slow) {
    return slow ? "status = 2 AND " + std::string(not_full) : std::string("has_room = 1");
}

/// The rows that the plan goes through, from the keyword FROM on.
std::string available(const PickPlan& plan, bool forced_index) {
    std::string sql = " FROM proxy";
    if (forced_index) sql += " INDEXED BY " + index_name(plan.index);
    sql += " WHERE pool_id = ? AND " + availability(plan.index.slow);
    sql += order_of(plan.index.selector).condition;
    return sql;
}

std::string constraints(const PickPlan& plan) {
    std::string sql;
    if (plan.equality.attribute != Attribute::none) {
        sql += " AND ";
        sql += column_of(plan.equality.attribute);
        sql += " = ?";
    }
    return sql + plan.filter.where;
}

std::string in_order(const PickPlan& plan) {
    return " ORDER BY " + std::string(order_of(plan.index.selector).columns);
}

constexpr std::string_view select_row = "SELECT " PHAROX_PROXY_COLUMNS("current_leases");

}  // namespace

std::string index_name(OrderIndex index) {
    std::string name = index.slow ? "proxy_slow_" : "proxy_";
    name += order_of(index.selector).name;
    if (index.attribute != Attribute::none) {
        name += "_by_";
        name += column_of(index.attribute);
    }
    return name;
}

std::string create_index(OrderIndex index) {
    const Order& order = order_of(index.selector);
    std::string sql = "CREATE INDEX IF NOT EXISTS " + index_name(index) + " ON proxy (pool_id, ";
    if (index.attribute != Attribute::none) {
        sql += column_of(index.attribute);
        sql += ", ";
    }
    sql += order.columns;
    sql += ") WHERE " + availability(index.slow);
    sql += order.condition;
    // Those without the attribute need no place in it. A column that is never NULL must not be asked: SQLite
    // finds the question needless, and then does not recognise the index.
    if (index.attribute != Attribute::none && index.attribute != Attribute::protocol) {
        sql += " AND ";
        sql += column_of(index.attribute);
        sql += " IS NOT NULL";
    }
    return sql;
}

std::string PickPlan::rows() const {
    return std::string(select_row) + available(*this, true) + constraints(*this) + in_order(*this) +
           " LIMIT ?";
}

std::string PickPlan::ids() const {
    return "SELECT id" + available(*this, true) + constraints(*this) + in_order(*this);
}

std::string PickPlan::row_if_still_fits() const {
    return std::string(select_row) + available(*this, false) + constraints(*this) + " AND id = ?";
}

std::string PickPlan::any() const {
    std::string sql = "SELECT 1 FROM proxy INDEXED BY proxy_pool WHERE pool_id = ? AND status = ";
    sql += index.slow ? "2" : "0";
    sql += " AND ";
    sql += not_full;
    return sql + " = ?" + constraints(*this) + " LIMIT 1";
}

PickPlan PickPlan::of_slow_ones() const {
    PickPlan slow = *this;
    slow.index.slow = true;
    return slow;
}

PickPlan plan_pick(Selector selector, const ProxyFilters& filters) {
    PickPlan plan;
    plan.index.selector = selector;
    if (filters.empty()) return plan;
    plan.equality = indexed_equality(filters);
    plan.index.attribute = plan.equality.attribute;
    plan.filter = compile_filter(filters, plan.index.attribute);
    return plan;
}

}  // namespace pharox::sqlite
