// What is SQLite's own in a filter's WHERE, and how tags are stored.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "filter_sql.hpp"

namespace pharox::sqlite {

extern const sqlkit::Dialect dialect;

/// How a set of tags is stored: a NUL before each and one at the end; empty for none.
std::string encode_tags(const std::set<std::string>& tags);
std::set<std::string> decode_tags(std::string_view stored);

}  // namespace pharox::sqlite
