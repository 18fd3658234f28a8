#include "independent/filter.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>
#include <optional>

namespace pharox::testkit::independent {

namespace {

std::string lower(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(std::tolower(c));
    }
    return text;
}

std::string padded(std::string text) {
    text.resize(std::max<std::size_t>(text.size(), 256), ' ');
    return text;
}

template <class T, class Value, class Same>
bool one_of(const OneOf<T>& wanted, const std::optional<Value>& value, Same same, const Planted& planted) {
    if (wanted.empty()) return true;
    if (!value) return planted("absent_fits_any_attribute");
    const auto& values = wanted.values();
    if (planted("only_the_first_value_is_compared")) return same(values.front(), *value);
    if (planted("only_64_values_are_compared") && values.size() > 64) {
        return std::any_of(values.begin(), values.begin() + 64,
                           [&](const T& it) { return same(it, *value); });
    }
    return std::any_of(values.begin(), values.end(), [&](const T& it) { return same(it, *value); });
}

/// JSON by value: 1 equals 1.0, and large integers are not rounded.
bool equal(const Json& left, const Json& right, const Planted& planted) {
    if (planted("metadata_compare_as_text")) {
        return left.as_string().value_or(left.dump()) == right.as_string().value_or(right.dump());
    }
    if (planted("bools_equal_numbers") && (left.as_bool() || right.as_bool())) {
        const auto value = [](const Json& it) {
            return it.as_bool() ? std::optional(*it.as_bool() ? 1.0 : 0.0) : it.as_number();
        };
        return value(left) == value(right);
    }
    if (left.as_bool() || right.as_bool()) return left.as_bool() == right.as_bool();
    if (planted("metadata_texts_compare_without_case") && left.is_string() && right.is_string())
        return lower(*left.as_string()) == lower(*right.as_string());
    if (left.is_string() || right.is_string()) return left.as_string() == right.as_string();
    if (planted("metadata_numbers_compare_as_doubles"))
        return left.as_number() && left.as_number() == right.as_number();
    if (planted("integer_differs_from_its_double") && left.kind() != right.kind()) return false;
    if (left.as_integer() || right.as_integer()) return left.as_integer() == right.as_integer();
    return left.as_number() && left.as_number() == right.as_number();
}

bool metadata_fit(const MetadataFilter& filter, const Proxy& proxy, const Planted& planted) {
    Json at = proxy.metadata;
    std::size_t depth = 0;
    for (std::string key : filter.path) {
        if (planted("only_one_key_of_a_path_is_followed") && depth == 1) break;
        if (planted("paths_end_at_four_keys") && depth == 4) return false;
        ++depth;
        if (planted("keys_with_dots_are_paths") && key.find('.') != std::string::npos) return false;
        if (planted("keys_with_slashes_are_paths") && key.find('/') != std::string::npos) return false;
        if (planted("keys_with_quotes_are_not_found") && key.find('"') != std::string::npos) return false;
        if (planted("keys_with_tildes_are_unescaped") && key.find("~1") != std::string::npos) return false;
        if (planted("empty_keys_are_not_found") && key.empty()) return false;
        if (planted("keys_compare_without_case")) key = lower(key);
        if (at.is_array() && planted("paths_lead_into_arrays") && !key.empty() &&
            std::isdigit(static_cast<unsigned char>(key[0])) != 0) {
            const auto index = static_cast<std::size_t>(std::atoi(key.c_str()));
            if (index >= at.size()) return false;
            at = at.at(index);
            continue;
        }
        if (!at.is_object()) return false;
        const auto next = at.find(key);
        if (!next) return false;
        at = *next;
    }
    if (planted("arrays_equal_a_member") && at.is_array()) {
        for (std::size_t i = 0; i < at.size(); ++i) {
            if (equal(at.at(i), filter.equals, planted)) return true;
        }
    }
    return !at.is_null() && equal(at, filter.equals, planted);
}

/// The angle between two directions, by their cross and dot products.
double distance_km(double latitude1, double longitude1, double latitude2, double longitude2,
                   const Planted& planted) {
    const double degree = planted("degrees_are_taken_for_radians") ? 1.0 : std::numbers::pi / 180.0;
    if (planted("distance_is_of_a_flat_map")) {
        const double x = (longitude2 - longitude1) * std::cos((latitude1 + latitude2) / 2.0 * degree);
        return std::hypot(x, latitude2 - latitude1) * degree * 6371.0;
    }
    if (planted("distance_is_by_the_cosine_law_in_float")) {
        const auto f = [](double it) { return static_cast<float>(it); };
        const float cosine = f(std::sin(latitude1 * degree)) * f(std::sin(latitude2 * degree)) +
                             f(std::cos(latitude1 * degree)) * f(std::cos(latitude2 * degree)) *
                                 f(std::cos((longitude2 - longitude1) * degree));
        return std::acos(std::clamp(static_cast<double>(cosine), -1.0, 1.0)) * 6371.0;
    }
    if (planted("distance_is_of_the_chord")) {
        const double a = std::pow(std::sin((latitude2 - latitude1) / 2 * degree), 2) +
                         std::cos(latitude1 * degree) * std::cos(latitude2 * degree) *
                             std::pow(std::sin((longitude2 - longitude1) / 2 * degree), 2);
        return 2 * 6371.0 * std::sqrt(a);
    }
    const auto point = [&](double latitude, double longitude) {
        return std::array{std::cos(latitude * degree) * std::cos(longitude * degree),
                          std::cos(latitude * degree) * std::sin(longitude * degree),
                          std::sin(latitude * degree)};
    };
    const auto a = point(latitude1, longitude1);
    const auto b = point(latitude2, longitude2);
    const double cross =
        std::hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
    const double angle = std::atan2(cross, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
    if (planted("distance_is_of_an_ellipsoid"))
        return angle * (6378.137 - 21.385 * std::pow(std::sin((latitude1 + latitude2) / 2 * degree), 2));
    if (planted("earth_has_the_radius_of_the_equator")) return angle * 6378.137;
    if (planted("earth_has_a_radius_of_6371_0088")) return angle * 6371.0088;
    if (planted("radius_is_miles")) return angle * 3958.8;
    return angle * 6371.0;
}

bool place_fit(const ProxyFilters& filters, const Proxy& proxy, const Planted& planted) {
    if (!filters.latitude) return true;
    if (!proxy.latitude) {
        return planted("absent_place_is_at_zero") && filters.radius_km &&
               distance_km(0, 0, *filters.latitude, *filters.longitude, planted) <= *filters.radius_km;
    }
    if (filters.radius_km && *filters.radius_km > 0.0) {
        const double radius = planted("radius_is_meters") ? *filters.radius_km / 1'000.0 : *filters.radius_km;
        if (planted("box_does_not_cross_the_antimeridian") &&
            std::abs(*proxy.longitude - *filters.longitude) > 180.0)
            return false;
        if (planted("box_is_too_narrow_near_poles") &&
            std::abs(*proxy.longitude - *filters.longitude) > radius / 111.0 * 2)
            return false;
        if (planted("box_is_the_fit")) {
            return std::abs(*proxy.latitude - *filters.latitude) <= radius / 111.19 &&
                   std::abs(std::remainder(*proxy.longitude - *filters.longitude, 360.0)) *
                           std::cos(*filters.latitude * std::numbers::pi / 180) <=
                       radius / 111.19;
        }
        const double distance =
            distance_km(*proxy.latitude, *proxy.longitude, *filters.latitude, *filters.longitude, planted);
        if (planted("radius_is_whole_kilometers")) return distance <= std::floor(radius);
        if (planted("distance_is_whole_kilometers")) return std::floor(distance) <= radius;
        return distance <= radius;
    }
    double tolerance = planted("place_is_equal_within_1e_4") ? 1e-4 : 1e-6;
    if (planted("place_is_equal_to_the_bit")) tolerance = 0;
    if (planted("place_compares_latitude_alone"))
        return std::abs(*proxy.latitude - *filters.latitude) <= tolerance;
    return std::abs(*proxy.latitude - *filters.latitude) <= tolerance &&
           std::abs(*proxy.longitude - *filters.longitude) <= tolerance;
}

bool tags_fit(const ProxyFilters& filters, const Proxy& proxy, const Planted& planted) {
    const auto has = [&](const std::string& tag) {
        if (planted("tags_match_a_part")) {
            return std::any_of(proxy.tags.begin(), proxy.tags.end(),
                               [&](const std::string& it) { return it.find(tag) != std::string::npos; });
        }
        if (planted("tags_compare_without_case")) {
            return std::any_of(proxy.tags.begin(), proxy.tags.end(),
                               [&](const std::string& it) { return lower(it) == lower(tag); });
        }
        return proxy.tags.contains(tag);
    };
    if (planted("any_tag_is_enough") && !filters.tags.empty())
        return std::any_of(filters.tags.begin(), filters.tags.end(), has);
    if (planted("repeated_tags_are_counted") &&
        std::set(filters.tags.begin(), filters.tags.end()).size() < filters.tags.size())
        return false;
    return std::all_of(filters.tags.begin(), filters.tags.end(), has);
}

bool excluded(const ProxyFilters& filters, const Proxy& proxy, const Planted& planted) {
    std::size_t count = filters.exclude.size();
    if (planted("only_100_are_excluded")) count = std::min<std::size_t>(count, 100);
    if (planted("only_999_are_excluded")) count = std::min<std::size_t>(count, 999);
    if (planted("one_alone_is_excluded")) count = std::min<std::size_t>(count, 1);
    const auto end = filters.exclude.begin() + static_cast<std::ptrdiff_t>(count);
    return std::find(filters.exclude.begin(), end, proxy.id) != end;
}

bool plain_fit(const ProxyFilters& filters, const Proxy& proxy, const Planted& planted) {
    const auto same = [&](const std::string& wanted, const std::string& value) {
        if (planted("attributes_compare_without_case")) return lower(wanted) == lower(value);
        if (planted("attributes_compare_padded")) return padded(wanted) == padded(value);
        if (planted("attributes_match_a_beginning")) return value.starts_with(wanted);
        if (planted("attributes_compare_64_bytes")) return wanted.substr(0, 64) == value.substr(0, 64);
        if (planted("attributes_are_like_patterns") && wanted == "%") return true;
        return wanted == value;
    };
    const auto same_asn = [&](std::int64_t wanted, std::int64_t value) {
        return planted("asns_compare_as_32_bits") ? static_cast<std::int32_t>(wanted) == value
                                                  : wanted == value;
    };
    const auto same_protocol = [&](ProxyProtocol wanted, ProxyProtocol value) {
        if (planted("https_fits_http") && wanted == ProxyProtocol::http && value == ProxyProtocol::https)
            return true;
        if (planted("socks4_fits_socks5") && wanted == ProxyProtocol::socks5 &&
            value == ProxyProtocol::socks4)
            return true;
        return wanted == value;
    };
    return one_of(filters.source, proxy.source, same, planted) &&
           one_of(filters.country, proxy.country, same, planted) &&
           (planted("city_is_not_compared_beside_a_country") && !filters.country.empty()
                ? true
                : one_of(filters.city, proxy.city, same, planted)) &&
           one_of(filters.isp, proxy.isp, same, planted) &&
           one_of(filters.asn, proxy.asn, same_asn, planted) &&
           one_of(filters.protocol, std::optional(proxy.protocol), same_protocol, planted) &&
           tags_fit(filters, proxy, planted) &&
           (planted("only_the_first_metadata_condition_holds") && filters.metadata.size() > 1
                ? metadata_fit(filters.metadata.front(), proxy, planted)
                : std::all_of(filters.metadata.begin(), filters.metadata.end(),
                              [&](const MetadataFilter& it) { return metadata_fit(it, proxy, planted); })) &&
           place_fit(filters, proxy, planted) && !excluded(filters, proxy, planted);
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): filters nest, to 16 levels
Fit fit(const ProxyFilters& filters, const Proxy& proxy, bool call_predicates, const Planted& planted) {
    if (!plain_fit(filters, proxy, planted)) return Fit::no;
    bool unknown = false;
    const auto below = [&](const ProxyFilters& child) { return fit(child, proxy, call_predicates, planted); };
    for (const ProxyFilters& child : filters.all_of) {
        if (planted("only_two_of_all_of_are_asked") && &child - filters.all_of.data() > 1) break;
        const Fit it = below(child);
        if (it == Fit::no) return Fit::no;
        unknown = unknown || it == Fit::unknown;
    }
    if (!filters.any_of.empty()) {
        Fit best = Fit::no;
        for (const ProxyFilters& child : filters.any_of) best = std::max(best, below(child));
        if (best == Fit::no) return Fit::no;
        unknown = unknown || best == Fit::unknown;
    }
    for (const ProxyFilters& child : filters.none_of) {
        if (planted("none_of_skips_absent_attributes") && !child.country.empty() && !proxy.country)
            return Fit::no;
        const Fit it = below(child);
        if (planted("none_of_means_not_all_of") && it == Fit::no) break;
        if (it == Fit::yes) return Fit::no;
        if (it == Fit::unknown && planted("predicate_under_none_of_is_taken_for_true")) return Fit::no;
        unknown = unknown || it == Fit::unknown;
    }
    if (filters.predicate) {
        if (!call_predicates) return Fit::unknown;
        if (!filters.predicate(proxy)) return Fit::no;
    }
    return unknown ? Fit::unknown : Fit::yes;
}

}  // namespace pharox::testkit::independent
