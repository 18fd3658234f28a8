// JSON as jsonb compares it like the model does.
#pragma once

#include <string>
#include <string_view>

#include "pharox/model/json.hpp"

namespace pharox::postgres {

/// The value's text with every whole number below 2^63 in digits: jsonb compares numbers as decimals, and the
/// shortest text of a double (4.611686018427388e18) is another decimal than the integer that it equals.
std::string dump_numbers_exactly(const Json& value);
/// And back: jsonb writes doubles of 2^63 and more in digits, as if they were integers.
Json parse_stored(std::string_view text);

}  // namespace pharox::postgres
