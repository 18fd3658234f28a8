// Values as people write and read them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/time.hpp"

namespace pharox::cli {

/// `250ms`, `90s`, `5m`, `1h`, `2d`, with a fraction where it comes to whole milliseconds; a bare number is
/// seconds. At most 30 days. Throws ValidationError(field, text, …).
Duration parse_duration(std::string_view text, std::string_view field);

/// A decimal number, all of the text, and a whole one where Number is an integer: `010` is ten, `0x10` none.
/// For int, std::int64_t and double. Throws ValidationError(field, text, …).
template <class Number>
Number parse_number(std::string_view text, std::string_view field);

struct Place {
    double latitude = 0;
    double longitude = 0;
};
/// `LAT,LON` in degrees.
Place parse_place(std::string_view text, std::string_view field);

/// `/plan/tier=gold`: a pointer (RFC 6901), then what it must equal. A number, true, false and a JSON string
/// are taken as such; anything else is text.
MetadataFilter parse_metadata_filter(std::string_view text);

/// 4812 as `4,812`.
std::string with_thousands(std::int64_t number);

/// With control characters escaped, so that no stored text can speak to a terminal, and so is what is not
/// UTF-8.
std::string printable(std::string_view text);

/// The text, or `***` if it may hold a password, as URLs, user:password and the lines of lists do: with an
/// `@` or a `:`. For what was typed, and is not where it belongs.
std::string without_password(std::string_view text);

/// The argument as errors may show it: without_password(), and of an option its name alone.
std::string shown_argument(std::string_view argument);

/// The candidate that `text` is most likely a misspelling of; nothing where none is near.
std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace pharox::cli
