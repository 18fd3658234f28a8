#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other (optimal
/// string alignment: R. Wagner, R. Lowrance, "An Extension of the String-to-String Correction Problem", JACM
/// 22(2), 1975).
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

Json json_scalar_or_text(std::string_view text) {
    try {
        Json parsed = Json::parse(text);
        if (parsed.kind() != Json::Kind::null && !parsed.is_object() && !parsed.is_array()) return parsed;
        return Json(text);
    } catch (const ValidationError&) {
        return Json(text);  // no JSON, so it is plain text
    }
}

}  // namespace

Duration parse_duration(std::string_view text, std::string_view field) {
    constexpr std::array<std::pair<std::string_view, double>, 5> units{
        {{"ms", 1.0}, {"s", 1'000.0}, {"m", 60'000.0}, {"h", 3'600'000.0}, {"d", 86'400'000.0}}};
    const auto unit_at = text.find_first_not_of("0123456789.");
    double scale = 1'000.0;
    bool known = unit_at == std::string_view::npos;
    if (!known) {
        for (const auto& [name, milliseconds] : units) {
            if (text.substr(unit_at) == name) {
                scale = milliseconds;
                known = true;
            }
        }
    }
    const auto number = parse_number(text.substr(0, unit_at));
    if (!known || !number)
        throw ValidationError(std::string(field), text, "is no duration such as 250ms, 90s, 5m, 1h or 2d");
    const double milliseconds = *number * scale;
    constexpr double most = 1e15;  // far beyond every limit, and exact in a double
    if (milliseconds > most || std::abs(milliseconds - std::round(milliseconds)) > 1e-6)
        throw ValidationError(std::string(field), text, "is not a whole number of milliseconds");
    return Duration(std::llround(milliseconds));
}

Place parse_place(std::string_view text, std::string_view field) {
    const auto comma = text.find(',');
    if (comma != std::string_view::npos) {
        const auto latitude = parse_number(text.substr(0, comma));
        const auto longitude = parse_number(text.substr(comma + 1));
        if (latitude && longitude) return {.latitude = *latitude, .longitude = *longitude};
    }
    throw ValidationError(std::string(field), text, "is no LATITUDE,LONGITUDE such as -34.6,-58.4");
}

MetadataFilter parse_metadata_filter(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        throw ValidationError("metadata", text, "is no POINTER=VALUE such as /plan/tier=gold");
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
    for (std::size_t at = 0; at < text.size(); ++at) {
        const unsigned byte = static_cast<unsigned char>(text[at]);
        const unsigned next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
        if (byte < 0x20 || byte == 0x7F) {
            shown += {'\\', 'x', hex[byte >> 4U], hex[byte & 0xFU]};
        } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {  // U+0080 to U+009F: control characters too
            shown += {'\\', 'x', hex[next >> 4U], hex[next & 0xFU]};
            ++at;
        } else {
            shown += text[at];
        }
    }
    return shown;
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
