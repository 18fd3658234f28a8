// What is PostgreSQL's own in a filter's WHERE.
#pragma once

#include <cstdint>

#include "filter_sql.hpp"

namespace pharox::postgres {

using sqlkit::Attribute;
using sqlkit::FilterSql;
using sqlkit::SqlValue;

/// Of the attributes with an index of first_available, the most selective one of which the filter wants one
/// single value.
Attribute served_attribute(const ProxyFilters& filters);

/// How the served attribute's value, which comes first of all, is asked for.
enum class Served : std::uint8_t {
    as_equality,
    /// As a range from the value to the value: `ORDER BY attribute, …` is then in no order but that index's,
    /// however many rows the planner believes that a value has. Not beside another attribute's value, whose
    /// index may be the better one: then it is an equality all the same.
    as_range,
};
/// Whether it would be a range.
bool may_be_range(const ProxyFilters& filters);
/// As sqlkit's, with this store's fragments; the question marks are $n, counted on from `first`.
FilterSql compile_filter(const ProxyFilters& filters, int first, Served form = Served::as_equality);

}  // namespace pharox::postgres
