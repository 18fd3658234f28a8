#include "text.hpp"

#include <algorithm>
#include <cstdint>

namespace pharox {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t shown_bytes = 80;

/// The length of the well-formed UTF-8 sequence at the start of the text, or 0 (Unicode 15, table 3-7).
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

/// C0, DEL, and C1, which some terminals also interpret in their two-byte form.
bool is_control(std::string_view sequence) noexcept {
    const auto first = static_cast<std::uint8_t>(sequence.front());
    if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
    return sequence.size() == 2 && first == 0xC2 && static_cast<std::uint8_t>(sequence[1]) < 0xA0;
}

/// At most `shown_bytes` of the text, without splitting a character.
std::string_view shortened(std::string_view value) noexcept {
    if (value.size() <= shown_bytes) return value;
    std::size_t end = shown_bytes;
    for (std::size_t begin = end - 3; begin < end; ++begin) {
        const std::size_t length = sequence_length(value.substr(begin));
        if (length > 1 && begin + length > end) end = begin;
    }
    return value.substr(0, end);
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
    std::string_view rest = shortened(value);
    while (!rest.empty()) {
        const std::size_t length = sequence_length(rest);
        const std::string_view sequence = rest.substr(0, std::max<std::size_t>(length, 1));
        if (length == 0 || is_control(sequence)) {
            for (const char c : sequence) {
                const auto byte = static_cast<std::uint8_t>(c);
                result += "\\x";
                result += hex_digits[byte >> 4U];
                result += hex_digits[byte & 0xFU];
            }
        } else {
            if (sequence == "\"" || sequence == "\\") result += '\\';
            result += sequence;
        }
        rest.remove_prefix(sequence.size());
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
