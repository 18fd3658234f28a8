// What is PostgreSQL's own in a filter's WHERE.
#pragma once

#include "filter_sql.hpp"

namespace pharox::postgres {

using sqlkit::Attribute;
using sqlkit::FilterSql;
using sqlkit::SqlValue;

/// As sqlkit's, with this store's fragments; the question marks are $n, counted on from `first`.
FilterSql compile_filter(const ProxyFilters& filters, int first);

}  // namespace pharox::postgres
