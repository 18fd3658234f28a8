#include "pick_plan.hpp"

#include <array>

#include "sql_statements.hpp"
#include "statement_text.hpp"

namespace pharox::sqlite {

namespace {

struct SortOrder {
    std::string_view name;
    std::string_view columns;
    std::string_view condition{};
};

const SortOrder& sort_order_of(Selector selector) {
    static constexpr std::array<SortOrder, selector_count> orders = {{
        {.name = "first_available", .columns = "checked_at DESC, id"},
        {.name = "round_robin", .columns = "use_sequence, id"},
        {.name = "least_used", .columns = "current_leases, use_sequence, id"},
        {.name = "lowest_latency", .columns = "latency_rank, id"},
        {.name = "random", .columns = "random_key, id"},
        {.name = "weighted_random", .columns = "weighted_key, id", .condition = " AND weight > 0"},
    }};
    return orders[static_cast<std::size_t>(selector)];
}

/// The same words in the index and in the query, or SQLite does not see that the one serves the other.
std::string availability(OrderIndex index) {
    std::string condition =
        index.slow ? "status = 2 AND (max_concurrency IS NULL OR current_leases < max_concurrency)"
                   : "available = 1";
    return condition.append(sort_order_of(index.selector).condition);
}

std::string_view template_of(PickQuery query) {
    switch (query) {
        case PickQuery::available_proxies:
            return sql::available_proxies;
        case PickQuery::available_proxy_ids:
            return sql::available_proxy_ids;
        case PickQuery::available_proxy_by_id:
            return sql::available_proxy_by_id;
        case PickQuery::miss_has_match:
            break;
    }
    return sql::miss_has_match;
}

}  // namespace

std::string index_name(OrderIndex index) {
    std::string name = index.slow ? "proxy_slow_" : "proxy_";
    name += sort_order_of(index.selector).name;
    if (index.attribute != Attribute::none) {
        name += "_by_";
        name += column_of(index.attribute);
    }
    return name;
}

std::string create_index(OrderIndex index) {
    std::string columns;
    std::string available = availability(index);
    if (index.attribute != Attribute::none) {
        columns = std::string(column_of(index.attribute)) + ", ";
        // Proxies without the attribute are left out. A column that is never NULL must not be compared with
        // it: SQLite drops such a comparison from the query, and then does not recognise the index.
        if (index.attribute != Attribute::protocol) {
            available += " AND " + std::string(column_of(index.attribute)) + " IS NOT NULL";
        }
    }
    columns += sort_order_of(index.selector).columns;
    return sqlkit::fill_slots(sql::create_order_index,
                              {{"index", index_name(index)}, {"columns", columns}, {"available", available}});
}

std::string PickPlan::text(PickQuery query) const {
    std::string condition;
    if (equality.attribute != Attribute::none) {
        condition = " AND " + std::string(column_of(equality.attribute)) + " = ?";
    }
    condition += filter.where;
    return sqlkit::fill_slots(template_of(query), {{"index", index_name(index)},
                                                   {"available", availability(index)},
                                                   {"filter", condition},
                                                   {"sort_order", sort_order_of(index.selector).columns},
                                                   {"status", index.slow ? "2" : "0"}});
}

std::string PickPlan::key(PickQuery query) const {
    // Digits first: no statement begins with one.
    std::string key{static_cast<char>('0' + static_cast<int>(query)),
                    static_cast<char>('0' + static_cast<int>(index.selector)), index.slow ? 's' : 'a',
                    static_cast<char>('0' + static_cast<int>(index.attribute))};
    return key.append(filter.where);
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
