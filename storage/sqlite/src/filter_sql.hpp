// A filter as the WHERE of a query: whole fragments, every value a parameter. Knows SQL, but no database
// driver.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "pharox/filters.hpp"

namespace pharox::sqlite {

using SqlValue = std::variant<std::int64_t, double, std::string, UuidBytes>;

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
FilterSql compile_filter(const ProxyFilters& filters, Attribute served = Attribute::none);

/// How a set of tags is stored: a NUL before each and one at the end; empty for none.
std::string encode_tags(const std::set<std::string>& tags);
std::set<std::string> decode_tags(std::string_view stored);

}  // namespace pharox::sqlite
