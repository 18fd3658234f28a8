// What is PostgreSQL's own in a filter's WHERE.
#pragma once

#include <cstdint>

#include "filter_sql.hpp"

namespace pharox::postgres {

using sqlkit::Attribute;
using sqlkit::FilterSql;
using sqlkit::SqlValue;

/// The attribute, of those with an index of first_available, of which the filter wants one single value; none
/// where it does so of two, either of whose indexes may be the better one.
Attribute sole_attribute(const ProxyFilters& filters);

/// How the sole attribute's value, which comes first of all, is asked for.
enum class Sole : std::uint8_t {
    as_equality,
    /// As a range from the value to the value: `ORDER BY attribute, …` is then in no order but that index's,
    /// however many rows the planner believes that a value has.
    as_range,
};
/// As sqlkit's, with this store's fragments; the question marks are $n, counted on from `first`.
FilterSql compile_filter(const ProxyFilters& filters, int first, Sole form = Sole::as_equality);

}  // namespace pharox::postgres
