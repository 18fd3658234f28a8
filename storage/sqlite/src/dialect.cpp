#include "dialect.hpp"

#include <algorithm>

namespace pharox::sqlite {

/// The functions are those of sql_functions.
const sqlkit::Dialect dialect{
    .yes = "1",
    .no = "0",
    .equals = "{column} IS ?",
    .one_of = "coalesce({column} IN {values}, 0)",
    .not_ids = "id NOT IN {values}",
    .tag = "pharox_has_tag(tags, ?)",
    .within = "pharox_within(latitude, longitude, ?, ?, ?)",
    .at = "pharox_at(latitude, longitude, ?, ?)",
    .metadata = "pharox_metadata_equals(metadata, ?, ?)",
    .metadata_values =
        [](const MetadataFilter& wanted) {
            return std::vector<sqlkit::SqlValue>{to_pointer(wanted.path), wanted.equals.dump()};
        },
};

std::string encode_tags(const std::set<std::string>& tags) {
    std::string stored;
    for (const std::string& tag : tags) {
        stored += '\0';
        stored += tag;
    }
    if (!stored.empty()) stored += '\0';
    return stored;
}

std::set<std::string> decode_tags(std::string_view stored) {
    std::set<std::string> tags;
    while (stored.size() > 1) {
        stored.remove_prefix(1);
        const std::size_t end = stored.find('\0');
        tags.emplace_hint(tags.end(), stored.substr(0, end));
        stored.remove_prefix(std::min(end, stored.size()));
    }
    return tags;
}

}  // namespace pharox::sqlite
