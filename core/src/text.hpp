// Text as the core reads and shows it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pharox {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;
/// For error texts: control characters escaped, cut after some 80 bytes, in quotes unless it is a number.
std::string shown(std::string_view value);
/// The names, separated by commas, the last by "or".
std::string listed(const std::vector<std::string>& names);

}  // namespace pharox
