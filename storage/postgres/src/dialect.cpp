#include "dialect.hpp"

#include "json_numbers.hpp"

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

bool is_one_indexed_equality(const ProxyFilters& filters) {
    switch (const Attribute attribute = sqlkit::indexed_equality(filters).attribute) {
        case Attribute::asn:
        case Attribute::source:
        case Attribute::country:
        case Attribute::protocol: {
            const FilterSql rest = sqlkit::compile_filter(dialect, filters, attribute);
            return rest.exact && rest.where.empty();
        }
        default:
            return false;
    }
}

FilterSql compile_filter(const ProxyFilters& filters, int first) {
    FilterSql filter = sqlkit::compile_filter(dialect, filters);
    std::string numbered;
    for (const char letter : filter.where) {
        if (letter == '?') {
            numbered += '$' + std::to_string(first++);
        } else {
            numbered += letter;
        }
    }
    filter.where = std::move(numbered);
    return filter;
}

}  // namespace pharox::postgres
