#include "order_index.hpp"

#include "sql_statements.hpp"
#include "statement_text.hpp"

namespace pharox::sqlite {

using sqlkit::column_of;
using sqlkit::sort_order_of;

namespace {

/// The same text in the index and in the query; otherwise SQLite does not use the index.
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

OrderIndex index_of(const PickPlan& plan) noexcept {
    return {.selector = plan.selector, .attribute = plan.equality.attribute, .slow = plan.slow};
}

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
        const std::string attribute(column_of(index.attribute));
        columns = attribute + ", ";
        // Omits proxies without the attribute. A column that is NOT NULL must not be compared with NULL:
        // SQLite removes such a comparison from the query, and then does not recognise the index.
        if (index.attribute != Attribute::protocol) available += " AND " + attribute + " IS NOT NULL";
    }
    columns += sort_order_of(index.selector).columns;
    return sqlkit::fill_slots(sql::create_order_index,
                              {{"index", index_name(index)}, {"columns", columns}, {"available", available}});
}

std::string pick_text(const PickPlan& plan, PickQuery query) {
    const OrderIndex index = index_of(plan);
    std::string condition;
    if (index.attribute != Attribute::none) {
        condition = " AND " + std::string(column_of(index.attribute)) + " = ?";
    }
    condition += plan.filter.where;
    return sqlkit::fill_slots(template_of(query), {{"index", index_name(index)},
                                                   {"available", availability(index)},
                                                   {"filter", condition},
                                                   {"sort_order", sort_order_of(index.selector).columns},
                                                   {"status", index.slow ? "2" : "0"}});
}

std::string pick_key(const PickPlan& plan, PickQuery query) {
    // Begins with a digit, unlike every statement.
    std::string key{static_cast<char>('0' + static_cast<int>(query)),
                    static_cast<char>('0' + static_cast<int>(plan.selector)), plan.slow ? 's' : 'a',
                    static_cast<char>('0' + static_cast<int>(plan.equality.attribute))};
    return key.append(plan.filter.where);
}

}  // namespace pharox::sqlite
