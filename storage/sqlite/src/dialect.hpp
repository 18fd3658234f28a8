// SQLite's fragments of a filter's WHERE condition, and the stored form of tags.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "filter_sql.hpp"

namespace pharox::sqlite {

extern const sqlkit::Dialect dialect;

/// The stored form of a set of tags: a NUL before each and one at the end; empty for no tags.
std::string encode_tags(const std::set<std::string>& tags);
std::set<std::string> decode_tags(std::string_view stored);

}  // namespace pharox::sqlite
