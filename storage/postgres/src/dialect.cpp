#include "dialect.hpp"

#include "client/json_numbers.hpp"

namespace pharox::postgres {

namespace {

/// `{"plan":{"tier":"gold"}}` for /plan/tier = "gold": containment goes into objects alone, compares numbers
/// by value, and is what a GIN index on metadata serves.
std::vector<SqlValue> containment(const MetadataFilter& wanted) {
    Json value = wanted.equals;
    for (auto key = wanted.path.rbegin(); key != wanted.path.rend(); ++key) {
        value = Json::object({{*key, value}});
    }
    return {sqlkit::JsonText{dump_numbers_exactly(value)}};
}

/// The functions are those of the first migration; no fragment has a question mark that is not a value's.
constexpr sqlkit::Dialect dialect{
    .yes = "TRUE",
    .no = "FALSE",
    .equals = "({column} IS NOT NULL AND {column} = ?)",
    .one_of = "({column} IS NOT NULL AND {column} IN {values})",
    .not_ids = "id NOT IN {values}",
    .tag = "(tags <> '{}' AND tags @> ARRAY[?])",
    .within = "pharox.within(latitude, longitude, ?, ?, ?)",
    .at = "pharox.at(latitude, longitude, ?, ?)",
    .metadata = "metadata @> ?",
    .metadata_values = containment,
};

}  // namespace

Attribute indexed_attribute(const ProxyFilters& filters) {
    const auto single = [](const auto& wanted) { return wanted.values().size() == 1 ? 1 : 0; };
    if (single(filters.asn) + single(filters.city) + single(filters.isp) + single(filters.source) +
            single(filters.country) + single(filters.protocol) !=
        1)
        return Attribute::none;
    const Attribute attribute = sqlkit::indexed_equality(filters).attribute;
    return attribute == Attribute::city || attribute == Attribute::isp ? Attribute::none : attribute;
}

CompiledFilter compile_filter(const ProxyFilters& filters) {
    CompiledFilter filter{.indexed = indexed_attribute(filters)};
    filter.sql = sqlkit::compile_filter(dialect, filters, filter.indexed);
    if (filter.indexed != Attribute::none) {
        filter.sql.values.insert(filter.sql.values.begin(), sqlkit::indexed_equality(filters).value);
    }
    return filter;
}

std::string conditions_of(const CompiledFilter& filter, int first, AttributeAs form) {
    std::string conditions;
    if (filter.indexed != Attribute::none) {
        const std::string column(sqlkit::column_of(filter.indexed));
        const std::string number = " $" + std::to_string(first++);
        conditions = form == AttributeAs::range
                         ? " AND " + column + " >=" + number + " AND " + column + " <=" + number
                         : " AND " + column + " IS NOT NULL AND " + column + " =" + number;
    }
    for (const char letter : filter.sql.where) {
        if (letter == '?') {
            conditions += '$' + std::to_string(first++);
        } else {
            conditions += letter;
        }
    }
    return conditions;
}

}  // namespace pharox::postgres
