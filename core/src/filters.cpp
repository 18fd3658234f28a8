#include "pharox/filters.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "model/rules.hpp"
#include "pharox/errors.hpp"

namespace pharox {
namespace {

constexpr int max_depth = 16;
constexpr std::size_t max_metadata_key_bytes = 16 * 1024;
constexpr double coordinate_tolerance = 1e-6;

// ---- Matching

/// The result of a condition: `unknown` if it depends on a predicate that is not called.
enum class Verdict : std::uint8_t { no, unknown, yes };

Verdict both(Verdict left, Verdict right) { return std::min(left, right); }
Verdict either(Verdict left, Verdict right) { return std::max(left, right); }
Verdict negated(Verdict verdict) {
    if (verdict == Verdict::unknown) return verdict;
    return verdict == Verdict::yes ? Verdict::no : Verdict::yes;
}

template <class T>
bool contains(const std::vector<T>& values, const T& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

template <class T>
bool fits(const OneOf<T>& wanted, const std::optional<T>& value) {
    return wanted.empty() || (value && contains(wanted.values(), *value));
}

bool fits(const MetadataFilter& wanted, const Json& metadata) {
    Json value = metadata;
    for (const std::string& key : wanted.path) {
        const auto member = value.find(key);
        if (!member) return false;
        value = *member;
    }
    return value == wanted.equals;
}

bool fits_position(const ProxyFilters& filters, const Proxy& proxy) {
    if (!filters.latitude) return true;
    if (!proxy.latitude || !proxy.longitude) return false;
    if (filters.radius_km) {
        return haversine_distance_km(*filters.latitude, *filters.longitude, *proxy.latitude,
                                     *proxy.longitude) <= *filters.radius_km;
    }
    return std::abs(*filters.latitude - *proxy.latitude) <= coordinate_tolerance &&
           std::abs(*filters.longitude - *proxy.longitude) <= coordinate_tolerance;
}

bool fits_attributes(const ProxyFilters& filters, const Proxy& proxy) {
    return fits(filters.source, proxy.source) && fits(filters.country, proxy.country) &&
           fits(filters.city, proxy.city) && fits(filters.isp, proxy.isp) && fits(filters.asn, proxy.asn) &&
           fits(filters.protocol, std::optional(proxy.protocol)) &&
           std::all_of(filters.tags.begin(), filters.tags.end(),
                       [&](const std::string& tag) { return proxy.tags.contains(tag); }) &&
           std::all_of(filters.metadata.begin(), filters.metadata.end(),
                       [&](const MetadataFilter& wanted) { return fits(wanted, proxy.metadata); }) &&
           fits_position(filters, proxy) && !contains(filters.exclude, proxy.id);
}

/// Cheap conditions come first; a predicate is called only if it decides the result.
Verdict evaluate(const ProxyFilters& filters, const Proxy& proxy, bool call_predicates) {
    if (!fits_attributes(filters, proxy)) return Verdict::no;
    Verdict verdict = Verdict::yes;
    for (const ProxyFilters& child : filters.all_of) {
        verdict = both(verdict, evaluate(child, proxy, call_predicates));
        if (verdict == Verdict::no) return verdict;
    }
    for (const ProxyFilters& child : filters.none_of) {
        verdict = both(verdict, negated(evaluate(child, proxy, call_predicates)));
        if (verdict == Verdict::no) return verdict;
    }
    if (!filters.any_of.empty()) {
        Verdict any = Verdict::no;
        for (const ProxyFilters& child : filters.any_of) {
            any = either(any, evaluate(child, proxy, call_predicates));
            if (any == Verdict::yes) break;
        }
        verdict = both(verdict, any);
    }
    if (verdict != Verdict::no && filters.predicate) {
        if (!call_predicates) return both(verdict, Verdict::unknown);
        return both(verdict, filters.predicate(proxy) ? Verdict::yes : Verdict::no);
    }
    return verdict;
}

// ---- Validation

std::string indexed(const std::string& field, std::size_t index) {
    return field + "[" + std::to_string(index) + "]";
}

void validate_texts(const std::string& field, const std::vector<std::string>& values) {
    for (const std::string& value : values) validate_text(field, value);
}

void validate_protocols(const std::string& field, const std::vector<ProxyProtocol>& protocols) {
    for (const ProxyProtocol protocol : protocols) {
        validate_known(field, protocol, ProxyProtocol::socks5, "is not a protocol");
    }
}

void validate_metadata_filter(const std::string& field, const MetadataFilter& filter) {
    if (filter.path.empty()) throw ValidationError(field, {}, "has no path");
    for (const std::string& key : filter.path) {
        if (!key.empty()) validate_text(field, key, max_metadata_key_bytes);
    }
    using Kind = Json::Kind;
    const Kind kind = filter.equals.kind();
    if (kind == Kind::null || kind == Kind::array || kind == Kind::object) {
        throw ValidationError(field, filter.equals.dump(), "is not a text, number or bool");
    }
}

void validate_node(const ProxyFilters& filters, const std::string& prefix, int depth) {
    if (depth > max_depth) {
        throw ValidationError(prefix.substr(0, prefix.size() - 1), std::to_string(depth),
                              "levels of filters are more than 16");
    }
    validate_texts(prefix + "source", filters.source.values());
    validate_texts(prefix + "country", filters.country.values());
    validate_texts(prefix + "city", filters.city.values());
    validate_texts(prefix + "isp", filters.isp.values());
    for (const std::int64_t asn : filters.asn.values()) validate_asn(prefix + "asn", asn);
    validate_protocols(prefix + "protocol", filters.protocol.values());
    validate_texts(prefix + "tags", filters.tags);
    for (std::size_t i = 0; i < filters.metadata.size(); ++i) {
        validate_metadata_filter(indexed(prefix + "metadata", i), filters.metadata[i]);
    }
    validate_position(prefix, filters.latitude, filters.longitude);
    if (filters.radius_km) {
        if (!filters.latitude)
            throw ValidationError(prefix + "latitude", {}, "is missing beside a radius_km");
        validate_at_least(prefix + "radius_km", *filters.radius_km, 0.0);
        if (*filters.radius_km == 0.0) throw ValidationError(prefix + "radius_km", "0", "is not above 0");
    }
    if (depth > 1 && !filters.exclude.empty())
        throw ValidationError(prefix + "exclude", {}, "belongs at the root");
    if (filters.exclude.size() > max_excluded) {
        throw ValidationError("exclude", std::to_string(filters.exclude.size()),
                              "ids are more than " + std::to_string(max_excluded));
    }
    const auto validate_children = [&](const char* name, const std::vector<ProxyFilters>& children) {
        for (std::size_t i = 0; i < children.size(); ++i) {
            validate_node(children[i], indexed(prefix + name, i) + ".", depth + 1);
        }
    };
    validate_children("all_of", filters.all_of);
    validate_children("any_of", filters.any_of);
    validate_children("none_of", filters.none_of);
}

double radians(double degrees) noexcept { return degrees * std::numbers::pi / 180.0; }

}  // namespace

bool ProxyFilters::empty() const noexcept {
    return source.empty() && country.empty() && city.empty() && isp.empty() && asn.empty() &&
           protocol.empty() && tags.empty() && metadata.empty() && !latitude && !longitude && !radius_km &&
           all_of.empty() && any_of.empty() && none_of.empty() && exclude.empty() && !predicate;
}

bool ProxyFilters::has_predicate() const noexcept {
    const auto below = [](const std::vector<ProxyFilters>& children) {
        return std::any_of(children.begin(), children.end(),
                           [](const ProxyFilters& child) { return child.has_predicate(); });
    };
    return predicate != nullptr || below(all_of) || below(any_of) || below(none_of);
}

// A friend that is declared only in its class does not get the visibility of the header's
// namespace.
[[gnu::visibility("default")]] bool operator==(const ProxyFilters& left, const ProxyFilters& right) {
    const auto parts = [](const ProxyFilters& filters) {
        return std::tie(filters.source, filters.country, filters.city, filters.isp, filters.asn,
                        filters.protocol, filters.tags, filters.metadata, filters.latitude, filters.longitude,
                        filters.radius_km, filters.all_of, filters.any_of, filters.none_of, filters.exclude);
    };
    return !left.predicate && !right.predicate && parts(left) == parts(right);
}

void validate(const ProxyFilters& filters) {
    if (!filters.empty()) validate_node(filters, "", 1);
}

bool matches(const ProxyFilters& filters, const Proxy& proxy) {
    const Verdict without_predicates = evaluate(filters, proxy, false);
    if (without_predicates != Verdict::unknown) return without_predicates == Verdict::yes;
    return evaluate(filters, proxy, true) == Verdict::yes;
}

bool may_match(const ProxyFilters& filters, const Proxy& proxy) {
    return evaluate(filters, proxy, false) != Verdict::no;
}

double haversine_distance_km(double latitude1, double longitude1, double latitude2,
                             double longitude2) noexcept {
    const double half_latitude = std::sin(radians(latitude2 - latitude1) / 2);
    const double half_longitude = std::sin(radians(longitude2 - longitude1) / 2);
    const double a = half_latitude * half_latitude + std::cos(radians(latitude1)) *
                                                         std::cos(radians(latitude2)) * half_longitude *
                                                         half_longitude;
    return 2 * earth_radius_km * std::asin(std::sqrt(std::min(1.0, a)));  // rounding may exceed 1
}

std::string to_pointer(const std::vector<std::string>& path) {
    std::string pointer;
    for (const std::string& key : path) {
        pointer += '/';
        for (const char c : key) {
            if (c == '~') {
                pointer += "~0";
            } else if (c == '/') {
                pointer += "~1";
            } else {
                pointer += c;
            }
        }
    }
    return pointer;
}

std::vector<std::string> parse_pointer(std::string_view text, std::string_view field) {
    const auto refuse = [&](const char* rule) { throw ValidationError(std::string(field), text, rule); };
    if (text.empty() || text.front() != '/') refuse("is not a JSON pointer like /plan/tier (RFC 6901)");
    std::vector<std::string> path;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/') {
            path.emplace_back();
        } else if (text[i] == '~') {
            const char escaped = i + 1 < text.size() ? text[++i] : '\0';
            if (escaped != '0' && escaped != '1') refuse("contains a ~ that is not ~0 or ~1 (RFC 6901)");
            path.back() += escaped == '0' ? '~' : '/';
        } else {
            path.back() += text[i];
        }
    }
    return path;
}

}  // namespace pharox
