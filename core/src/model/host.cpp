// The canonical form of addresses and DNS names.
#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <optional>
#include <string>

#include "pharox/errors.hpp"
#include "pharox/model/proxy.hpp"
#include "text.hpp"

namespace pharox {
namespace {

constexpr std::size_t max_name_length = 253;  // RFC 1035 §2.3.4, as text without the final dot
constexpr std::size_t max_label_length = 63;
constexpr std::size_t max_zone_length = 32;

bool is_alnum(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<std::string> canonical_address(int family, const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
    return inet_ntop(family, bytes.data(), canonical.data(), canonical.size());
}

std::optional<std::string> canonical_ipv6(std::string_view text) {
    const std::size_t percent = text.find('%');
    auto address = canonical_address(AF_INET6, std::string(text.substr(0, percent)));
    if (!address || percent == std::string_view::npos) return address;
    const std::string_view zone = text.substr(percent + 1);
    const bool fits =
        !zone.empty() && zone.size() <= max_zone_length && std::all_of(zone.begin(), zone.end(), [](char c) {
            return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '~';
        });
    if (!fits) return std::nullopt;
    return *address + "%" + std::string(zone);
}

/// Converts a name to A-labels: IDNA 2008 with the mappings of UTS #46, non-transitional.
std::optional<std::string> to_ascii(std::string_view name) {
    const bool ascii =
        std::all_of(name.begin(), name.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
    std::string lower(name);
    if (ascii) {
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        // Plain labels may contain text that IDNA forbids ("r3---sn"); only labels with the prefix of
        // A-labels are checked.
        if (!lower.starts_with("xn--") && lower.find(".xn--") == std::string::npos) return lower;
    }
    char* converted = nullptr;
    const int status = idn2_to_ascii_8z(lower.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, decltype(&idn2_free)> owner(converted, &idn2_free);
    if (status != IDN2_OK) return std::nullopt;
    return std::string(converted);
}

bool is_label(std::string_view label) noexcept {
    return !label.empty() && label.size() <= max_label_length && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
               return is_alnum(c) || c == '-' || c == '_';
           });
}

/// Whether resolvers would read the name as an IPv4 address: its last label is a decimal or hexadecimal
/// number.
bool ends_in_a_number(std::string_view name) noexcept {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    const auto all = [](std::string_view text, std::string_view digits) {
        return text.find_first_not_of(digits) == std::string_view::npos;
    };
    if (last.size() >= 2 && last.substr(0, 2) == "0x") return all(last.substr(2), "0123456789abcdef");
    return all(last, "0123456789");
}

}  // namespace

std::string canonical_host(std::string_view host, std::string_view field) {
    // Valid text with a colon is an IPv6 address. Any other text with a colon or an @ is probably a URL or a
    // line of a list, and may contain a password.
    const bool secret = host.find_first_of("@:") != std::string_view::npos;
    const auto refuse = [&](const char* rule) -> std::string {
        throw ValidationError(std::string(field), secret ? ValidationError::hidden_value : host, rule);
    };
    if (host.empty()) return refuse("is empty");
    if (!is_utf8(host)) return refuse("is not UTF-8");
    if (host.find('\0') != std::string_view::npos) return refuse("contains a NUL");
    if (host.front() == '[') return refuse("is in brackets, which belong to URLs");
    if (host.find(':') != std::string_view::npos) {
        if (const auto address = canonical_ipv6(host)) return *address;
        return refuse("is not an IPv6 address");
    }
    if (const auto address = canonical_address(AF_INET, std::string(host))) return *address;

    std::string_view name = host;
    if (name.back() == '.') name.remove_suffix(1);
    auto ascii = to_ascii(name);
    if (!ascii) return refuse("is not a DNS name (IDNA 2008)");
    // The conversion may have turned an ideographic full stop at the end into a dot.
    if (name.size() == host.size() && ascii->ends_with('.')) ascii->pop_back();
    if (ascii->empty()) return refuse("is not a DNS name");
    if (ascii->size() > max_name_length) return refuse("is longer than a DNS name of 253 characters");
    for (std::size_t begin = 0; begin <= ascii->size();) {
        const std::size_t end = std::min(ascii->find('.', begin), ascii->size());
        if (!is_label(std::string_view(*ascii).substr(begin, end - begin))) {
            return refuse("is neither an address nor a DNS name");
        }
        begin = end + 1;
    }
    if (ends_in_a_number(*ascii)) return refuse("is neither an IPv4 address nor a DNS name");
    return *ascii;
}

}  // namespace pharox
