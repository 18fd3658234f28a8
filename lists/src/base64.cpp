// Lists that are encoded as a whole (RFC 4648 §4 and §5).
#include <algorithm>

#include "formats.hpp"

namespace pharox::lists {

std::optional<std::string> decoded_base64(std::string_view text) {
    std::string decoded;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        int value = -1;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        if (c >= '0' && c <= '9') value = c - '0' + 52;
        if (c == '+' || c == '-') value = 62;
        if (c == '/' || c == '_') value = 63;
        if (c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
        if (value < 0) return std::nullopt;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        if (count += 6; count >= 8) {
            count -= 8;
            decoded += static_cast<char>((bits >> count) & 0xFFU);
        }
    }
    return decoded;
}

bool is_base64(const std::vector<std::string>& lines) {
    std::string beginning;
    for (const std::string& line : lines) {
        beginning += line;
        if (!decoded_base64(line)) return false;
    }
    const auto decoded = decoded_base64(beginning);
    return decoded && decoded->find(':') != std::string::npos &&
           std::ranges::all_of(*decoded, [](unsigned char c) {
               return (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\r' || c == '\t';
           });
}

}  // namespace pharox::lists
