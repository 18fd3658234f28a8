// What is SQLite's own in a filter's WHERE, and how tags are stored.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "filter_sql.hpp"

namespace pharox::sqlite {

using sqlkit::Attribute;
using sqlkit::attribute_count;
using sqlkit::column_of;
using sqlkit::FilterSql;
using sqlkit::indexed_equality;
using sqlkit::IndexedEquality;
using sqlkit::SqlValue;

/// As sqlkit's, with this store's fragments.
FilterSql compile_filter(const ProxyFilters& filters, Attribute served = Attribute::none);

/// How a set of tags is stored: a NUL before each and one at the end; empty for none.
std::string encode_tags(const std::set<std::string>& tags);
std::set<std::string> decode_tags(std::string_view stored);

}  // namespace pharox::sqlite
