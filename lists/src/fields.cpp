#include "fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "line.hpp"

namespace pharox::lists {
namespace {

using nlohmann::json;

// The names, without case and separators. A path goes into nested objects.
constexpr std::array host_names = {"host", "ip",     "ipaddress", "proxyaddress", "address",
                                   "addr", "server", "hostname",  "proxyhost",    "proxyip"};
constexpr std::array port_names = {"port", "proxyport", "serverport"};
constexpr std::array url_names = {"url", "proxyurl", "proxy"};
constexpr std::array user_names = {"username", "user", "login", "proxyuser", "proxyusername"};
constexpr std::array password_names = {"password", "pass", "pwd", "passwd", "proxypass", "proxypassword"};
constexpr std::array protocol_names = {"protocol", "protocols", "scheme", "type", "proxytype"};
constexpr std::array country_names = {"countrycode",
                                      "country",
                                      "cc",
                                      "country/isocode",
                                      "country/code",
                                      "geolocation/country/isocode",
                                      "geolocation/countrycode",
                                      "location/countrycode",
                                      "geolocation/country",
                                      "country/name"};
constexpr std::array city_names = {
    "city", "cityname", "geolocation/city/names/en", "geolocation/city", "location/city", "city/name"};
constexpr std::array isp_names = {"isp", "asnname", "organization", "org",
                                  "asn/autonomoussystemorganization"};
constexpr std::array asn_names = {"asn", "asnnumber", "asn/autonomoussystemnumber", "as"};
constexpr std::array latitude_names = {"latitude", "lat", "geolocation/location/latitude",
                                       "location/latitude"};
constexpr std::array longitude_names = {"longitude", "lon", "lng", "geolocation/location/longitude",
                                        "location/longitude"};
constexpr std::array time_zone_names = {"timezone", "geolocation/location/timezone", "location/timezone"};
constexpr std::array source_names = {"source"};
constexpr std::array limit_names = {"maxconcurrency"};
constexpr std::array weight_names = {"weight"};
constexpr std::array tags_names = {"tags"};
constexpr std::array valid_names = {"valid", "isvalid"};
constexpr std::array tls_names = {"tls"};

std::string normalised(std::string_view name) {
    std::string result;
    for (const char c : name)
        if (c != '_' && c != '-' && c != ' ')
            result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

const json* member(const json& object, std::string_view name) {
    if (!object.is_object()) return nullptr;
    for (const auto& [key, value] : object.items())
        if (normalised(key) == name) return &value;
    return nullptr;
}

const json* at_path(const json& object, std::string_view path) {
    const json* at = &object;
    while (at != nullptr && !path.empty()) {
        const auto end = path.find('/');
        at = member(*at, path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view{} : path.substr(end + 1);
    }
    return at;
}

bool is_given(const json& value) {
    if (value.is_string()) return !is_absent(trimmed(value.get_ref<const std::string&>()));
    return value.is_number() || value.is_boolean() || (value.is_array() && !value.empty());
}

template <std::size_t N>
const json* find(const json& object, const std::array<const char*, N>& names) {
    for (const char* name : names)
        if (const json* value = at_path(object, name); value != nullptr && is_given(*value)) return value;
    return nullptr;
}

std::optional<std::string> as_text(const json* value) {
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return std::string(trimmed(value->get_ref<const std::string&>()));
    if (value->is_number_integer() || value->is_number_float()) return value->dump();
    return std::nullopt;
}

template <class Number>
std::optional<Number> as_number(const json* value, const char* field) {
    const auto text = as_text(value);
    if (!text) return std::nullopt;
    Number number{};
    const char* const end = text->data() + text->size();
    const auto [stopped, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc() || stopped != end) reject("the " + std::string(field) + " is not a number");
    return number;
}

/// A user or a password: blanks and words such as `none` may belong to it.
template <std::size_t N>
std::optional<std::string> secret(const json& object, const std::array<const char*, N>& names,
                                  const ReadOptions& options) {
    for (const char* name : names) {
        const json* value = member(object, name);
        if (value == nullptr || value->is_null()) continue;
        if (value->is_string() && value->get_ref<const std::string&>().empty()) continue;
        if (value->is_string()) return with_variables(value->get_ref<const std::string&>(), options);
        if (value->is_number_integer()) return value->dump();
        reject("the " + std::string(name) + " is not a text");
    }
    return std::nullopt;
}

std::vector<ProxyProtocol> protocols_of(const json& object, bool& known) {
    const json* value = find(object, protocol_names);
    known = value != nullptr;
    std::vector<ProxyProtocol> protocols;
    const auto add = [&](const json& name) {
        const auto text = as_text(&name);
        auto protocol = text ? known_protocol(*text) : std::nullopt;
        if (text && *text == "socks") protocol = ProxyProtocol::socks5;  // sing-box
        if (!protocol) skip("is none of http, https, socks4, socks5");
        protocols.push_back(*protocol);
    };
    if (value != nullptr && value->is_array()) {
        for (const json& name : *value) add(name);
    } else if (value != nullptr) {
        add(*value);
    }
    if (const json* tls = find(object, tls_names); tls != nullptr && (*tls == true || *tls == "true"))
        std::ranges::replace(protocols, ProxyProtocol::http, ProxyProtocol::https);
    return protocols;
}

void set_attributes(Proxy& proxy, const json& object) {
    proxy.country = as_text(find(object, country_names));
    proxy.city = as_text(find(object, city_names));
    proxy.isp = as_text(find(object, isp_names));
    proxy.source = as_text(find(object, source_names));
    if (auto asn = as_text(find(object, asn_names))) {
        if (asn->starts_with("AS")) asn->erase(0, 2);
        const json digits = asn->substr(0, asn->find(' '));
        proxy.asn = as_number<std::int64_t>(&digits, "asn");
    }
    proxy.latitude = as_number<double>(find(object, latitude_names), "latitude");
    proxy.longitude = as_number<double>(find(object, longitude_names), "longitude");
    if (proxy.latitude.has_value() != proxy.longitude.has_value())
        proxy.latitude = proxy.longitude = std::nullopt;
    proxy.max_concurrency = as_number<int>(find(object, limit_names), "max_concurrency");
    if (const auto weight = as_number<double>(find(object, weight_names), "weight")) proxy.weight = *weight;
    if (const auto zone = as_text(find(object, time_zone_names)))
        proxy.metadata = proxy.metadata.with("time_zone", *zone);
    if (const json* tags = find(object, tags_names); tags != nullptr) {
        if (tags->is_array()) {
            for (const json& tag : *tags)
                if (const auto text = as_text(&tag)) proxy.tags.insert(*text);
        } else if (auto text = as_text(tags)) {
            for (std::string_view rest = *text; !rest.empty();) {
                const auto end = rest.find(' ');
                if (end != 0) proxy.tags.emplace(rest.substr(0, end));
                rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
            }
        }
    }
}

}  // namespace

bool names_a_proxy(const json& object) {
    const auto has = [&](const auto& names) {
        return std::ranges::any_of(names, [&](const char* name) { return member(object, name) != nullptr; });
    };
    return (has(host_names) && has(port_names)) || has(url_names);
}

bool is_known_field(std::string_view name) {
    const std::string wanted = normalised(name);
    const auto in = [&](const auto& names) { return std::ranges::find(names, wanted) != names.end(); };
    return in(host_names) || in(port_names) || in(url_names) || in(user_names) || in(password_names) ||
           in(protocol_names) || in(country_names) || in(city_names) || in(isp_names) || in(asn_names) ||
           in(latitude_names) || in(longitude_names) || in(time_zone_names) || in(source_names) ||
           in(limit_names) || in(weight_names) || in(tags_names);
}

std::vector<Entry> from_fields(const json& object, const ReadOptions& options) {
    if (const json* valid = find(object, valid_names);
        valid != nullptr && (*valid == false || *valid == "false"))
        skip("its list says that it is not valid");
    bool named = false;
    const std::vector<ProxyProtocol> protocols = protocols_of(object, named);
    Entry entry{.proxy = {.protocol = options.protocol}};
    const auto host = as_text(find(object, host_names));
    if (host && member(object, "port") == nullptr && find(object, port_names) == nullptr &&
        !find(object, url_names))
        reject("the port is missing");
    if (const auto url = as_text(find(object, url_names)); url && !host) {
        OrderEvidence evidence;
        entry = parse_line(*url, options, options.order, evidence);
    } else {
        if (!host) reject("the host is missing");
        entry.proxy.host = with_variables(*host, options);
        entry.proxy.port = parse_port(as_text(find(object, port_names)).value_or(""));
    }
    if (!entry.proxy.credentials) {
        auto user = secret(object, user_names, options);
        auto password = secret(object, password_names, options);
        if (user)
            entry.proxy.credentials =
                ProxyCredentials{.user = *std::move(user), .password = std::move(password).value_or("")};
        else if (password)
            reject("has a password and no user");
    }
    set_attributes(entry.proxy, object);
    std::vector<Entry> entries;
    for (const ProxyProtocol protocol : protocols) {
        entries.push_back(entry);
        entries.back().proxy.protocol = protocol;
        entries.back().protocol_named = true;
    }
    if (entries.empty()) entries.push_back(std::move(entry));
    return entries;
}

}  // namespace pharox::lists
