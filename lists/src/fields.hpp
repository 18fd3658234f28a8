// A proxy from named fields, by the names that providers use.
#pragma once

#include <nlohmann/json.hpp>

#include "entry.hpp"

namespace pharox::lists {

/// Whether fields of the object name host and port, or a URL.
bool names_a_proxy(const nlohmann::json& object);
/// Whether this is the name of a field that from_fields reads, such as the title of a column.
bool is_known_field(std::string_view name);

/// One proxy, or several where the object has several protocols. Case, `_`, `-` and blanks in names do not
/// matter. Throws Refusal, ValidationError.
std::vector<Entry> from_fields(const nlohmann::json& object, const ReadOptions& options);

}  // namespace pharox::lists
