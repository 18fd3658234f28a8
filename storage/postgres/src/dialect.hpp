// What is PostgreSQL's own in a filter's WHERE.
#pragma once

#include <cstdint>
#include <string>

#include "filter_sql.hpp"

namespace pharox::postgres {

using sqlkit::Attribute;
using sqlkit::FilterSql;
using sqlkit::SqlValue;

/// The attribute, of those with an index of first_available, of which the filter wants one single value; none
/// if there are two, either of whose indexes may be the better one.
Attribute indexed_attribute(const ProxyFilters& filters);

/// A filter of a request.
struct CompiledFilter {
    Attribute indexed = Attribute::none;
    /// As sqlkit's, without the indexed attribute, whose value is the first of `values`.
    FilterSql sql{};
};
CompiledFilter compile_filter(const ProxyFilters& filters);

/// How the indexed attribute is compared: as a range from the value to the value where an index goes by it.
enum class AttributeAs : std::uint8_t { equality, range };
/// Empty, or ` AND …` once or more. Parameters are numbered from `first` on.
std::string conditions_of(const CompiledFilter& filter, int first, AttributeAs form = AttributeAs::equality);

}  // namespace pharox::postgres
