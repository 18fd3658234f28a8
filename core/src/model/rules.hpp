// Rules that several models share.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "pharox/errors.hpp"
#include "pharox/model/json.hpp"
#include "pharox/model/time.hpp"

namespace pharox {

inline constexpr std::size_t max_text_bytes = 255;

template <class Number>
std::string number_text(Number value) {
    if constexpr (std::is_floating_point_v<Number>) {
        return std::isfinite(value) ? Json(value).dump() : std::to_string(value);
    } else {
        return std::to_string(value);
    }
}

template <class Number>
void validate_at_least(const std::string& field, Number value, std::type_identity_t<Number> low) {
    if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(value)) throw ValidationError(field, number_text(value), "is not finite");
    }
    if (value < low) throw ValidationError(field, number_text(value), "is below " + number_text(low));
}

template <class Number>
void validate_range(const std::string& field, Number value, std::type_identity_t<Number> low,
                    std::type_identity_t<Number> high) {
    validate_at_least(field, value, low);
    if (value > high) throw ValidationError(field, number_text(value), "is above " + number_text(high));
}

/// Whether the value is valid for an enumeration whose last value is `last`.
template <class Enum>
void validate_known(const std::string& field, Enum value, Enum last, const char* rule) {
    if (value > last) throw ValidationError(field, std::to_string(static_cast<int>(value)), rule);
}

/// Checks −90…90 and −180…180, both or none; `prefix` precedes the fields' names.
void validate_position(const std::string& prefix, const std::optional<double>& latitude,
                       const std::optional<double>& longitude);
void validate_asn(const std::string& field, std::int64_t asn);
/// Checks that the year is 0 to 9999, which format_timestamp writes in four digits.
void validate_instant(const std::string& field, Timestamp instant);
/// Checks for an object of at most 16 KiB and depth 32.
void validate_metadata_object(const Json& metadata);

}  // namespace pharox
