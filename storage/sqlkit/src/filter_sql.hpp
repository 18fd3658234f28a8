// Compiles a filter to the WHERE condition of a query, from whole fragments; every value is a parameter. It
// contains no SQL of a particular database: each adapter supplies its fragments as a Dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pharox/filters.hpp"

namespace pharox::sqlkit {

/// JSON text, for databases that have a type for it.
struct JsonText {
    std::string text;
};
using SqlValue = std::variant<std::int64_t, double, std::string, UuidBytes, JsonText>;

/// The fragments of one database. Each is true or false for every row, never NULL, and so is its negation.
/// `{column}` is replaced by a column's name, `{values}` by a list of question marks in brackets.
struct Dialect {
    std::string_view yes;       ///< an expression that is always true
    std::string_view no;        ///< an expression that is never true
    std::string_view equals;    ///< one value: {column}, one question mark
    std::string_view one_of;    ///< any of several: {column}, {values}
    std::string_view not_ids;   ///< the row's id is none of {values}
    std::string_view tag;       ///< has the tag: the tag
    std::string_view within;    ///< latitude, longitude, radius_km
    std::string_view at;        ///< latitude, longitude
    std::string_view metadata;  ///< with the values of `metadata_values`
    /// The values of the metadata fragment's question marks.
    std::vector<SqlValue> (*metadata_values)(const MetadataFilter& wanted);
};

struct FilterSql {
    /// Empty without a constraint; else ` AND …` once or more.
    std::string where{};
    /// The values of its question marks, in order.
    std::vector<SqlValue> values{};
    /// True if the condition selects exactly the proxies that match. Otherwise it selects a superset: the
    /// filter has a predicate, or is too large for one statement.
    bool exact = true;
};

/// Attributes that have an index, the most selective first.
enum class Attribute : std::uint8_t { none, asn, city, isp, source, country, protocol };
inline constexpr int attribute_count = 7;
std::string_view column_of(Attribute attribute) noexcept;

/// An equality that an index can serve.
struct IndexedEquality {
    Attribute attribute = Attribute::none;
    SqlValue value{};
};
/// The most selective attribute for which the filter's root requires a single value.
IndexedEquality indexed_equality(const ProxyFilters& filters);

/// Omits the condition on `served`, which the caller adds itself.
FilterSql compile_filter(const Dialect& dialect, const ProxyFilters& filters,
                         Attribute served = Attribute::none);

}  // namespace pharox::sqlkit
