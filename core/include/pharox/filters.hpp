// Filters for proxies, and their reference evaluator, which every adapter can use.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// One value, or a list of alternatives; empty means no constraint.
template <class T>
class OneOf {
  public:
    OneOf() = default;
    template <class U>
        requires std::convertible_to<U&&, T>
    OneOf(U&& value) {  // NOLINT(google-explicit-constructor, bugprone-forwarding-reference-overload)
        values_.emplace_back(std::forward<U>(value));
    }
    OneOf(std::initializer_list<T> values) : values_(values) {}
    OneOf(std::vector<T> values) : values_(std::move(values)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
    [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }
    friend bool operator==(const OneOf&, const OneOf&) = default;

  private:
    std::vector<T> values_;
};

/// A condition on a proxy's metadata: the value at a path of object keys (in text an RFC 6901 pointer, never
/// into arrays) must equal this text, number or bool; 1 equals 1.0.
struct MetadataFilter {
    std::vector<std::string> path;
    Json equals;
    friend bool operator==(const MetadataFilter&, const MetadataFilter&) = default;
};

/// The largest number of ids in ProxyFilters::exclude.
inline constexpr std::size_t max_excluded = 1'000;

/// A conjunction of the conditions that are set. Logic is two-valued: an absent attribute equals no value, so
/// it satisfies a `none_of`. Text is compared by bytes. An empty list is not a constraint.
struct ProxyFilters {
    using Predicate = std::function<bool(const Proxy&)>;

    OneOf<std::string> source{}, country{}, city{}, isp{};
    OneOf<std::int64_t> asn{};
    OneOf<ProxyProtocol> protocol{};
    std::vector<std::string> tags{};  ///< the proxy must have all of them
    std::vector<MetadataFilter> metadata{};
    /// Both coordinates, or none. With `radius_km` > 0 the great-circle distance (haversine, R = 6371.0 km)
    /// is at most the radius; without, both coordinates differ by at most 1e-6 degrees.
    std::optional<double> latitude{}, longitude{}, radius_km{};
    std::vector<ProxyFilters> all_of{}, any_of{}, none_of{};  ///< nested to depth 16
    std::vector<ProxyId> exclude{};                           ///< at most max_excluded, only at the root
    /// Called with a copy, outside every lock and transaction, until the first match. Cannot be serialised.
    Predicate predicate{};

    /// Whether no condition is set.
    [[nodiscard]] bool empty() const noexcept;
    /// Whether a predicate is set here or in a nested filter.
    [[nodiscard]] bool has_predicate() const noexcept;

    /// Predicates cannot be compared: a filter with a predicate equals no other.
    friend bool operator==(const ProxyFilters& left, const ProxyFilters& right);
};

/// Throws ValidationError with the field (`any_of[1].radius_km`), the value and the rule. Cheap if empty.
void validate(const ProxyFilters& filters);

/// Whether the proxy satisfies the filters, including predicates.
bool matches(const ProxyFilters& filters, const Proxy& proxy);
/// Whether the proxy satisfies the filters for some result of the predicates, which are not called: a
/// superset of matches(), also under `none_of`. Selects candidates under a lock or on a server.
bool may_match(const ProxyFilters& filters, const Proxy& proxy);

inline constexpr double earth_radius_km = 6371.0;
/// Great-circle distance in kilometres between two points in degrees, by the haversine formula (R. W.
/// Sinnott, "Virtues of the Haversine", Sky & Telescope 68(2), 1984) on a sphere of earth_radius_km.
double haversine_distance_km(double latitude1, double longitude1, double latitude2,
                             double longitude2) noexcept;

/// RFC 6901 text of a metadata path and back: `/plan/tier` is {"plan", "tier"}. Throws ValidationError.
std::string to_pointer(const std::vector<std::string>& path);
std::vector<std::string> parse_pointer(std::string_view text, std::string_view field = "metadata");

std::ostream& operator<<(std::ostream& out, const ProxyFilters& filters);

}  // namespace pharox
