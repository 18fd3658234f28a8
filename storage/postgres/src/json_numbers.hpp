// JSON as jsonb compares it like the model does.
#pragma once

#include <string>

#include "pharox/model/json.hpp"

namespace pharox::postgres {

/// The value's text with every whole number below 2^63 in digits: jsonb compares numbers as decimals, and the
/// shortest text of a double (4.611686018427388e18) is another decimal than the integer that it equals.
std::string dump_numbers_exactly(const Json& value);

}  // namespace pharox::postgres
