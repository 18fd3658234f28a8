// What is PostgreSQL's own in a filter's WHERE.
#pragma once

#include "filter_sql.hpp"

namespace pharox::postgres {

using sqlkit::Attribute;
using sqlkit::FilterSql;
using sqlkit::SqlValue;

/// Whether the filter is nothing but one equality that an index of first_available serves.
bool is_one_indexed_equality(const ProxyFilters& filters);

/// As sqlkit's, with this store's fragments; the question marks are $n, counted on from `first`.
FilterSql compile_filter(const ProxyFilters& filters, int first);

}  // namespace pharox::postgres
