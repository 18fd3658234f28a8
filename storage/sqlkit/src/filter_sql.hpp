// A filter as the WHERE of a query: whole fragments, every value a parameter. Knows SQL, but no database;
// what differs between databases is in the Dialect that each adapter brings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pharox/filters.hpp"

namespace pharox::sqlkit {

/// JSON text, where a database has a type for it.
struct JsonText {
    std::string text;
};
using SqlValue = std::variant<std::int64_t, double, std::string, UuidBytes, JsonText>;

/// One database's fragments. Each is true or false for every row, never NULL, so that NOT of it is too.
/// `{column}` stands for a column's name, `{values}` for a list of question marks in brackets.
struct Dialect {
    std::string_view yes;       ///< an expression that is always true
    std::string_view no;        ///< never
    std::string_view equals;    ///< one value: {column}, one question mark
    std::string_view one_of;    ///< any of several: {column}, {values}
    std::string_view not_ids;   ///< the row's id is none of {values}
    std::string_view tag;       ///< has the tag: the tag
    std::string_view within;    ///< latitude, longitude, radius_km
    std::string_view at;        ///< latitude, longitude
    std::string_view metadata;  ///< with the values of `metadata_values`
    /// What the metadata fragment's question marks stand for.
    std::vector<SqlValue> (*metadata_values)(const MetadataFilter& wanted);
};

struct FilterSql {
    /// Empty where there is no constraint; else ` AND …` once or more.
    std::string where{};
    /// For its question marks, in order.
    std::vector<SqlValue> values{};
    /// Whether a row passes exactly if the proxy matches. Otherwise what passes is a superset of what
    /// matches: a predicate is set, or the filter is too large for one statement.
    bool exact = true;
};

/// Attributes with an index of their own, in the order in which the most selective of several is taken.
enum class Attribute : std::uint8_t { none, asn, city, isp, source, country, protocol };
inline constexpr int attribute_count = 7;
std::string_view column_of(Attribute attribute) noexcept;

/// An equality that an index can serve.
struct IndexedEquality {
    Attribute attribute = Attribute::none;
    SqlValue value{};
};
/// The most selective attribute of which the filter's root wants one single value.
IndexedEquality indexed_equality(const ProxyFilters& filters);

/// `served` is left out: the caller states it.
FilterSql compile_filter(const Dialect& dialect, const ProxyFilters& filters,
                         Attribute served = Attribute::none);

}  // namespace pharox::sqlkit
