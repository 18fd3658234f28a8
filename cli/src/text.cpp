#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(value)) return std::nullopt;
    }
    return value;
}

/// The number of insertions, deletions, replacements and swaps of adjacent characters between two texts
/// (optimal string alignment: R. Wagner, R. Lowrance, "An Extension of the String-to-String Correction
/// Problem", JACM 22(2), 1975).
std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> before_last(right.size() + 1);
    std::vector<std::size_t> last(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const bool same = left[i - 1] == right[j - 1];
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[right.size()];
}

/// The length of the UTF-8 character that begins with this byte; 0 if none does.
std::size_t length_by_lead(unsigned lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) return 3;
    return lead < 0xF5 ? 4 : 0;
}

/// The length of the UTF-8 character at the beginning of the text (RFC 3629 §4); 0 if it is invalid.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned lead = byte(0);
    const std::size_t length = length_by_lead(lead);
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xC0U) != 0x80U) return 0;
    const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
    const bool no_character = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
    return overlong || no_character ? 0 : length;
}

Json json_scalar_or_text(std::string_view text) {
    try {
        Json parsed = Json::parse(text);
        if (parsed.kind() != Json::Kind::null && !parsed.is_object() && !parsed.is_array()) return parsed;
        return {text};
    } catch (const ValidationError&) {
        return {text};  // not JSON, so it is plain text
    }
}

}  // namespace

Duration parse_duration(std::string_view text, std::string_view field) {
    constexpr std::array<std::pair<std::string_view, double>, 5> units{
        {{"d", 86'400'000.0}, {"h", 3'600'000.0}, {"m", 60'000.0}, {"s", 1'000.0}, {"ms", 1.0}}};
    const auto fail = [&](const char* rule) { throw ValidationError(std::string(field), text, rule); };
    constexpr const char* not_one = "is not a duration such as 250ms, 90s, 5m, 1h30m or 2d";
    double milliseconds = 0;
    auto larger = units.begin();  // each unit once, in this order
    for (std::string_view rest = text; !rest.empty() || text.empty();) {
        const auto number_end = std::min(rest.find_first_not_of("0123456789."), rest.size());
        const auto unit_end = std::min(rest.find_first_of("0123456789.", number_end), rest.size());
        const auto number = number_in<double>(rest.substr(0, number_end));
        const std::string_view name = rest.substr(number_end, unit_end - number_end);
        const bool bare = name.empty() && rest.size() == text.size();
        const auto* const unit = std::find_if(
            larger, units.end(), [&](const auto& known) { return known.first == (bare ? "s" : name); });
        if (!number || unit == units.end()) fail(not_one);
        milliseconds += *number * unit->second;
        larger = std::next(unit);
        rest.remove_prefix(unit_end);
    }
    if (milliseconds > static_cast<double>(max_lease_duration.count())) fail("is above 30 days");
    if (std::abs(milliseconds - std::round(milliseconds)) > 1e-6)
        fail("is not a whole number of milliseconds");
    return Duration(std::llround(milliseconds));
}

template <class Number>
Number parse_number(std::string_view text, std::string_view field) {
    if (const auto number = number_in<Number>(text)) return *number;
    constexpr bool whole = std::is_integral_v<Number>;
    throw ValidationError(
        std::string(field), text,
        whole ? "is not a whole decimal number up to " + std::to_string(std::numeric_limits<Number>::max())
              : "is not a decimal number");
}
template int parse_number(std::string_view text, std::string_view field);
template std::int64_t parse_number(std::string_view text, std::string_view field);
template double parse_number(std::string_view text, std::string_view field);

ProxyProtocol parse_protocol(std::string_view text) {
    if (text == "socks4a") return ProxyProtocol::socks4;
    if (text == "socks5h") return ProxyProtocol::socks5;
    return parse_proxy_protocol(text);
}

Place parse_place(std::string_view text, std::string_view field) {
    const auto comma = text.find(',');
    if (comma != std::string_view::npos) {
        const auto latitude = number_in<double>(text.substr(0, comma));
        const auto longitude = number_in<double>(text.substr(comma + 1));
        if (latitude && longitude) return {.latitude = *latitude, .longitude = *longitude};
    }
    throw ValidationError(std::string(field), text, "is not LATITUDE,LONGITUDE such as -34.6,-58.4");
}

MetadataFilter parse_metadata_filter(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        throw ValidationError("metadata", text, "is not POINTER=VALUE such as /plan/tier=gold");
    const std::string_view value = text.substr(equals + 1);
    return {.path = parse_pointer(text.substr(0, equals), "metadata"), .equals = json_scalar_or_text(value)};
}

std::string with_thousands(std::int64_t number) {
    std::string digits = std::to_string(number);
    const std::size_t sign = number < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > sign + 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string printable(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string shown;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
        const unsigned last = static_cast<unsigned char>(character.back());
        const bool control = length == 1
                                 ? last < 0x20 || last == 0x7F
                                 : length == 2 && character.front() == '\xC2' && last < 0xA0;  // U+0080…
        if (control || length == 0) {
            shown += {'\\', 'x', hex[last >> 4U], hex[last & 0xFU]};
        } else {
            shown += character;
        }
        text.remove_prefix(character.size());
    }
    return shown;
}

std::string without_password(std::string_view text) {
    const bool may_hold_one = text.find_first_of("@:") != std::string_view::npos;
    return std::string(may_hold_one ? ValidationError::hidden_value : text);
}

std::string without_quoted_passwords(std::string_view text) {
    std::string shown;
    for (;;) {
        const auto begin = text.find('"');
        const auto end = begin == std::string_view::npos ? begin : text.find('"', begin + 1);
        if (end == std::string_view::npos) return shown.append(text);
        shown += text.substr(0, begin);
        const std::string_view quoted = text.substr(begin, end - begin + 1);
        shown += without_password(quoted);
        text.remove_prefix(end + 1);
    }
}

std::string shown_argument(std::string_view argument) {
    if (argument.starts_with("--")) return without_password(argument.substr(0, argument.find('=')));
    if (argument.starts_with('-')) return without_password(argument.substr(0, 2));  // -pVALUE
    return without_password(argument);
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates) {
    const std::size_t tolerance = std::max<std::size_t>(1, std::min<std::size_t>(3, text.size() / 3));
    std::optional<std::string> best;
    std::size_t best_distance = tolerance + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(text, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace pharox::cli
