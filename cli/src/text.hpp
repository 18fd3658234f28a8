// Parsing and printing of values on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/time.hpp"

namespace pharox::cli {

/// `250ms`, `90s`, `5m`, `1h30m`, `2d`: numbers with units, the larger first, with a fraction if the result
/// is whole milliseconds; a bare number is in seconds. At most 30 days. Throws ValidationError(field, text,
/// …).
Duration parse_duration(std::string_view text, std::string_view field);

/// Parses the whole text as a decimal number, without a fraction if Number is an integer: `010` is ten,
/// `0x10` is invalid. For int, std::int64_t and double. Throws ValidationError(field, text, …).
template <class Number>
Number parse_number(std::string_view text, std::string_view field);

/// As parse_proxy_protocol, and the names that clients use for a proxy that resolves host names: socks4a,
/// socks5h.
ProxyProtocol parse_protocol(std::string_view text);

struct Place {
    double latitude = 0;
    double longitude = 0;
};
/// `LAT,LON` in degrees.
Place parse_place(std::string_view text, std::string_view field);

/// `/plan/tier=gold`: a pointer (RFC 6901), then the wanted value. A number, true, false and a JSON string
/// are read as JSON; anything else is text.
MetadataFilter parse_metadata_filter(std::string_view text);

/// 4812 as `4,812`.
std::string with_thousands(std::int64_t number);

/// Escapes control characters, so that stored text cannot control the terminal, and invalid
/// UTF-8.
std::string printable(std::string_view text);

/// The text, or `***` if it may contain a password, as URLs, user:password and lines of lists do: with an `@`
/// or a `:`. For arguments in the wrong position.
std::string without_password(std::string_view text);

/// The text with each part in double quotes that may contain a password replaced, as by without_password().
std::string without_quoted_passwords(std::string_view text);

/// The argument as errors may show it: without_password(), and only the name of an option.
std::string shown_argument(std::string_view argument);

/// The candidate that `text` is most likely a misspelling of; nothing if none is similar.
std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace pharox::cli
