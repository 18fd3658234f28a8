#include "pick_plan.hpp"

#include <algorithm>
#include <mutex>

#include "pharox/postgres/storage.hpp"
#include "schema.hpp"
#include "sort_keys.hpp"
#include "statement_text.hpp"

namespace pharox::postgres {

namespace {

struct SortOrder {
    std::string_view name;
    std::string_view columns;  ///< of its index, after (pool_id, availability)
    std::string_view condition{};
    int keys = 0;
    /// For random orders: how far the pool has come, and the proxy's next key. For orders that a find moves
    /// on, what it sets.
    std::string_view progress{}, draw{}, move{};
};

/// A find locks the proxy and changes nothing.
constexpr std::string_view not_moved = "use_sequence = p.use_sequence";
constexpr std::string_view moved_by_use =
    "use_sequence = locked.use_sequence,\n"
    "        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END";

/// `progress` leaves the pool's row to the next call if another transaction has locked it.
constexpr std::array<SortOrder, 6> sort_orders = {{
    {.name = "first_available", .columns = "checked_at DESC, id", .move = not_moved},
    {.name = "round_robin",
     .columns = "use_sequence_key, id",
     .condition = " AND use_sequence_key IS NOT NULL",
     .keys = sort_key::use_sequence,
     .move = moved_by_use},
    {.name = "least_used",
     .columns = "lease_count_key, use_sequence_key, id",
     .condition = " AND lease_count_key IS NOT NULL",
     .keys = sort_key::use_sequence | sort_key::lease_count,
     .move = not_moved},
    {.name = "lowest_latency",
     .columns = "latency_key, id",
     .condition = " AND latency_key IS NOT NULL",
     .keys = sort_key::latency,
     .move = not_moved},
    {.name = "random",
     .columns = "random_key, id",
     .condition = " AND random_key IS NOT NULL",
     .keys = sort_key::random,
     .progress =
         ",\nprogress AS (\n"
         "    UPDATE pharox.pool SET random_high = greatest(random_high, chosen.random_key) FROM chosen\n"
         "    WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1 FOR NO KEY UPDATE SKIP "
         "LOCKED))",
     .draw =
         ",\n        random_key = pharox.next_random_key(\n"
         "            greatest(p.random_key, (SELECT random_high FROM pharox.pool WHERE id = p.pool_id)))",
     .move =
         "random_key = pharox.next_random_key(\n"
         "            greatest(p.random_key, (SELECT random_high FROM pharox.pool WHERE id = p.pool_id)))"},
    {.name = "weighted_random",
     .columns = "weighted_key, id",
     .condition = " AND weight > 0 AND weighted_key IS NOT NULL",
     .keys = sort_key::weighted,
     .progress = ",\nprogress AS (\n"
                 "    UPDATE pharox.pool SET weighted_high = greatest(weighted_high, chosen.weighted_key) "
                 "FROM chosen\n"
                 "    WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1 FOR NO KEY UPDATE "
                 "SKIP LOCKED))",
     .draw = ",\n        weighted_key = pharox.next_weighted_key(\n"
             "            greatest(p.weighted_key, (SELECT weighted_high FROM pharox.pool WHERE id = "
             "p.pool_id)), p.weight)",
     .move = "weighted_key = pharox.next_weighted_key(\n"
             "            greatest(p.weighted_key, (SELECT weighted_high FROM pharox.pool WHERE id = "
             "p.pool_id)), "
             "p.weight)"},
}};
const SortOrder& sort_order_of(Selector selector) noexcept {
    return sort_orders[static_cast<std::size_t>(selector)];
}

struct Template {
    std::string_view text;
    int parameters;  ///< before the filter's
    bool skips_locked = false;
    bool other = false;  ///< the last parameter is an array of lease ids
};
constexpr std::array<Template, pick_count> templates = {{
    {.text = sql::acquire_unlocked, .parameters = 8, .skips_locked = true},
    {.text = sql::acquire_unlocked_or_slow, .parameters = 8, .skips_locked = true},
    {.text = sql::acquire_unlocked, .parameters = 9, .skips_locked = true, .other = true},
    {.text = sql::acquire_unlocked_or_slow, .parameters = 9, .skips_locked = true, .other = true},
    {.text = sql::acquire_waiting, .parameters = 8},
    {.text = sql::acquire_by_id, .parameters = 10},
    {.text = sql::acquire_at_offset, .parameters = 8},
    {.text = sql::acquire_batch, .parameters = 8},
    {.text = sql::diagnose_miss, .parameters = 5},
    {.text = sql::candidates, .parameters = 2},
    {.text = sql::candidate_ids, .parameters = 2},
    {.text = sql::find_active, .parameters = 1},
    {.text = sql::find_active_or_slow, .parameters = 1},
    {.text = sql::move_first_unlocked, .parameters = 2, .skips_locked = true},
    {.text = sql::move_first_waiting, .parameters = 2},
    {.text = sql::move_by_id, .parameters = 4},
}};

/// Tags, metadata and places are served by indexes that deliver no order: whether they pay depends on how
/// rare the value is.
bool depends_on_values(const ProxyFilters& filters) {
    const auto any = [](const std::vector<ProxyFilters>& parts) {
        return std::ranges::any_of(parts, depends_on_values);
    };
    return !filters.tags.empty() || !filters.metadata.empty() || filters.latitude || any(filters.all_of) ||
           any(filters.any_of) || any(filters.none_of);
}

}  // namespace

PickPlan::PickPlan(Selector selector, const ProxyFilters& filters, bool allow_slow)
    : selector_(selector), allow_slow_(allow_slow) {
    if (filters.empty()) return;
    filter_ = compile_filter(filters);
    if (depends_on_values(filters)) plan_ = Plan::once;
}

bool PickPlan::moves_what_it_finds() const noexcept {
    return selector_ == Selector::round_robin || selector_ == Selector::random ||
           selector_ == Selector::weighted_random;
}

bool PickPlan::any_offset_will_do() const noexcept {
    if (selector_ != Selector::first_available || !exact()) return false;
    return filter_.sql.where.empty() &&
           filter_.sql.values.size() == (filter_.indexed == Attribute::none ? 0U : 1U);
}

int PickPlan::sort_keys() const noexcept { return sort_order_of(selector_).keys; }

void PickPlan::add_filter(Parameters& parameters) const {
    for (const SqlValue& value : filter_.sql.values) parameters.add(value);
}

PickStatements::PickStatements(const Database& database) : database_(database) {
    const ProxyFilters none;
    for (std::size_t selector = 0; selector < selector_count; ++selector) {
        const PickPlan plan(static_cast<Selector>(selector), none, false);
        for (std::size_t pick = 0; pick < pick_count; ++pick) {
            without_filter_.at(pick).at(selector) = compose(static_cast<Pick>(pick), plan);
        }
    }
}

std::shared_ptr<const std::string> PickStatements::text(Pick pick, const PickPlan& plan) {
    const auto statement = static_cast<std::size_t>(pick);
    const auto selector = static_cast<std::size_t>(plan.selector_);
    if (plan.filter_.indexed == Attribute::none && plan.filter_.sql.where.empty()) {
        // Without a reference count.
        return {std::shared_ptr<const std::string>(), &without_filter_.at(statement).at(selector)};
    }
    std::string key{static_cast<char>(statement), static_cast<char>(selector),
                    static_cast<char>(plan.filter_.indexed)};
    key += plan.filter_.sql.where;
    {
        const std::shared_lock reading(mutex_);
        const auto found = with_filter_.find(key);
        if (found != with_filter_.end()) return found->second;
    }
    auto text = std::make_shared<const std::string>(compose(pick, plan));
    const std::unique_lock writing(mutex_);
    if (with_filter_.size() >= most_cached) with_filter_.clear();
    return with_filter_.emplace(std::move(key), std::move(text)).first->second;
}

std::string PickStatements::compose(Pick pick, const PickPlan& plan) const {
    const Template& statement = templates.at(static_cast<std::size_t>(pick));
    const SortOrder& order = sort_order_of(plan.selector_);
    // The indexes of first_available go by an attribute before the order. The value is given as a range from
    // itself to itself: `ORDER BY attribute, …` is then in no order but that index's, however many rows the
    // planner believes that a value has. The other selectors' indexes need not exist for an attribute.
    const bool by_attribute =
        plan.selector_ == Selector::first_available && plan.filter_.indexed != Attribute::none;
    const std::string filter = conditions_of(
        plan.filter_, statement.parameters + 1,
        by_attribute || pick == Pick::diagnose_miss ? AttributeAs::range : AttributeAs::equality);
    std::string conditions(order.condition);
    if (statement.other) {
        conditions += " AND id NOT IN (SELECT proxy_id FROM pharox.lease WHERE id = ANY ($" +
                      std::to_string(statement.parameters) + "))";
    }
    conditions += filter;
    if (statement.skips_locked && (order.keys & sort_key::use_sequence) != 0) {
        // A proxy that is used while the statement runs is at the end of the order already.
        conditions += " AND use_sequence_key <= (SELECT last_value FROM pharox.use_sequence)";
    }
    std::string sort_order;
    if (by_attribute) sort_order += std::string(sqlkit::column_of(plan.filter_.indexed)) + ", ";
    sort_order += order.columns;
    return database_.in_schema(sqlkit::fill_slots(statement.text, {{"keys", std::to_string(order.keys)},
                                                                   {"conditions", conditions},
                                                                   {"filter", filter},
                                                                   {"sort_order", sort_order},
                                                                   {"progress", order.progress},
                                                                   {"draw", order.draw},
                                                                   {"move", order.move}}));
}

std::string index_statement(Selector selector, std::string_view attribute, std::string_view schema) {
    constexpr std::array<std::string_view, 7> attributes = {"",         "country", "source", "asn",
                                                            "protocol", "city",    "isp"};
    if (std::ranges::find(attributes, attribute) == attributes.end()) {
        throw ValidationError("attribute", attribute, "is not country, source, asn, protocol, city or isp");
    }
    check_schema_name(schema);
    const SortOrder& order = sort_order_of(selector);
    std::string name = "proxy_" + std::string(order.name);
    std::string columns = "pool_id, availability, ";
    // Full proxies, which a miss looks for, are in the indexes of first_available alone.
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
