#include "text.hpp"

#include <algorithm>
#include <cstdint>

namespace pharox {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t shown_bytes = 80;

/// The length of the well-formed sequence that starts the text, or 0 (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0U;
    };
    const auto continues = [&](std::size_t i, unsigned low = 0x80U, unsigned high = 0xBFU) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned low = first == 0xE0 ? 0xA0U : 0x80U;
        const unsigned high = first == 0xED ? 0x9FU : 0xBFU;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned low = first == 0xF0 ? 0x90U : 0x80U;
        const unsigned high = first == 0xF4 ? 0x8FU : 0xBFU;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

bool is_number(std::string_view text) noexcept {
    return !text.empty() && text.find_first_of("0123456789") != std::string_view::npos &&
           text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string shown(std::string_view value) {
    const bool cut = value.size() > shown_bytes;
    const bool quoted = !is_number(value) && value != "***";
    std::string result = quoted ? "\"" : "";
    std::string_view rest = value.substr(0, shown_bytes);
    while (!rest.empty()) {
        const std::size_t length = sequence_length(rest);
        const auto first = static_cast<std::uint8_t>(rest.front());
        if (length == 0 || first < 0x20 || first == 0x7F) {
            result += "\\x";
            result += hex_digits[first >> 4U];
            result += hex_digits[first & 0xFU];
            rest.remove_prefix(1);
        } else {
            if (length == 1 && (first == '"' || first == '\\')) result += '\\';
            result += rest.substr(0, length);
            rest.remove_prefix(length);
        }
    }
    if (cut) result += "…";
    if (quoted) result += '"';
    return result;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
        text += names[i];
    }
    return text;
}

}  // namespace pharox
