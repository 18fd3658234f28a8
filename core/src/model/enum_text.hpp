// Conversion of enumerations to and from text, by one table for each.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox {

/// The names of an enumeration's values 0, 1, 2 …
template <std::size_t N>
using EnumNames = std::array<std::string_view, N>;

template <class Enum, std::size_t N>
std::string_view enum_name(const EnumNames<N>& names, Enum value) noexcept {
    const auto index = static_cast<std::size_t>(value);
    return index < N ? names[index] : "?";
}

template <class Enum, std::size_t N>
Enum enum_value(const EnumNames<N>& names, std::string_view field, std::string_view text) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == text) return static_cast<Enum>(i);
    }
    throw ValidationError(std::string(field), text, "is not " + listed({names.begin(), names.end()}));
}

}  // namespace pharox
