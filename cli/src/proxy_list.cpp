#include "proxy_list.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

/// Why a line is not a proxy. Thrown and caught only in this file, where parsing a line can fail in many
/// places.
struct Problem {
    LineVerdict verdict;
    std::string reason;
};
[[noreturn]] void reject(std::string reason) {
    throw Problem{.verdict = LineVerdict::rejected, .reason = std::move(reason)};
}
[[noreturn]] void ambiguous(std::string reason) {
    throw Problem{.verdict = LineVerdict::ambiguous, .reason = std::move(reason)};
}

constexpr std::string_view no_host_port = "no host:port found";
constexpr std::string_view bare_ipv6 = "an IPv6 address needs brackets, as in [2001:db8::1]:8080";

struct Endpoint {
    std::string_view host;  ///< without brackets
    std::string_view port;
};
/// The parts of a line, before validation.
struct Parts {
    Endpoint endpoint;
    std::optional<ProxyCredentials> credentials{};
};

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_port(std::string_view text) {
    if (!all_digits(text) || text.size() > 5 || text.front() == '0') return false;
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value >= 1 && value <= 65535;
}

int parse_port(std::string_view text) {
    if (text.empty()) reject("the port is missing");
    if (!all_digits(text)) reject("the port is not a number");
    if (is_port(text)) {
        int value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }
    if (std::ranges::all_of(text, [](char c) { return c == '0'; })) reject("port 0 is below 1");
    if (text.front() == '0') reject("the port begins with a 0");
    // Five digits are a mistyped port; more digits may be a password in the wrong position, so they are not
    // shown.
    reject(text.size() == 5 ? "port " + std::string(text) + " is above 65535" : "the port is above 65535");
}

bool is_ipv6(std::string_view text) {
    const auto zone = text.find('%');
    const std::string address(text.substr(0, zone));
    in6_addr parsed{};
    return address.size() < INET6_ADDRSTRLEN && ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> fields;
    for (std::size_t begin = 0;;) {
        const auto end = text.find(separator, begin);
        fields.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
        if (end == std::string_view::npos) return fields;
        begin = end + 1;
    }
}

/// The text from the first of these fields to the last, with its separators.
std::string_view span_of(std::string_view first, std::string_view last) {
    const char* begin = first.data();
    const char* end = last.data() + last.size();
    return {begin, end};
}

/// Whether several consecutive colon-separated fields form an IPv6 address, so that colons are ambiguous.
bool holds_bare_ipv6(const std::vector<std::string_view>& fields) {
    constexpr std::size_t most_fields = 9;  // "1:2:3:4:5:6:7::" splits into that many
    for (std::size_t first = 0; first + 2 < fields.size(); ++first) {
        for (std::size_t last = first + 2; last < std::min(fields.size(), first + most_fields); ++last)
            if (is_ipv6(span_of(fields[first], fields[last]))) return true;
    }
    return false;
}

/// `host:port` or `[v6]:port`, with a valid port or not; nothing if the text has another form.
std::optional<Endpoint> as_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return std::nullopt;
        host = host.substr(1, host.size() - 2);
        if (!is_ipv6(host)) reject("the text in brackets is not an IPv6 address");
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.empty() || !all_digits(port)) return std::nullopt;
    return Endpoint{.host = host, .port = port};
}

ProxyCredentials as_credentials(std::string_view text) {
    const auto colon = text.find(':');
    ProxyCredentials credentials{.user = std::string(text.substr(0, colon)), .password = {}};
    if (colon != std::string_view::npos) credentials.password = text.substr(colon + 1);
    if (credentials.user.empty()) reject("the user is empty");
    return credentials;
}

/// Two readings of one line, each with its endpoint; at least one of them exists.
struct Readings {
    std::optional<Parts> host_first{};
    std::optional<Parts> user_first{};
};

bool is_address(std::string_view host) {
    in_addr parsed{};
    return is_ipv6(host) || ::inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1;
}

/// Whether the reading is plausible: its port is valid, or is mistyped after an address or a domain. Users
/// have dots too, so a number too long for a port after a domain is a password.
bool is_plausible(const std::optional<Parts>& reading) {
    if (!reading) return false;
    const auto& [host, port] = reading->endpoint;
    const bool is_domain = host.find('.') != std::string_view::npos;
    return is_port(port) || is_address(host) || (is_domain && port.size() <= 5);
}

Parts choose(const Readings& readings, FieldOrder order) {
    const bool host_fits = readings.host_first && is_port(readings.host_first->endpoint.port);
    const bool user_fits = readings.user_first && is_port(readings.user_first->endpoint.port);
    if ((host_fits || user_fits) && is_plausible(readings.host_first) && is_plausible(readings.user_first)) {
        if (order == FieldOrder::host_first) return *readings.host_first;
        if (order == FieldOrder::user_first) return *readings.user_first;
        ambiguous("both ends may be host:port: use --order host-first or --order user-first");
    }
    if (host_fits) return *readings.host_first;
    if (user_fits) return *readings.user_first;
    // Neither port is valid: the existing reading reports the error.
    const bool wants_user = order == FieldOrder::user_first && readings.user_first;
    return readings.host_first && !wants_user ? *readings.host_first : readings.user_first.value();
}

/// `[v6]:port`, `[v6]:port:user:password` or `user:password:[v6]:port`: the brackets mark the host.
Parts parse_bracketed(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        const std::string_view rest = close == std::string_view::npos ? "" : text.substr(close + 1);
        if (!rest.starts_with(':')) reject(std::string(no_host_port));
        const auto colon = rest.find(':', 1);
        const auto endpoint = as_endpoint(span_of(text.substr(0, close + 1), rest.substr(0, colon)));
        if (!endpoint) reject("the port is not a number");
        if (colon == std::string_view::npos) return {.endpoint = *endpoint};
        const std::string_view tail = rest.substr(colon + 1);
        if (tail.find(':') == std::string_view::npos)
            ambiguous("three fields: the last may be a user, a password or a remark");
        return {.endpoint = *endpoint, .credentials = as_credentials(tail)};
    }
    const auto open = text.rfind(":[");
    const auto endpoint = as_endpoint(text.substr(open + 1));
    if (!endpoint) reject(std::string(no_host_port));
    const std::string_view head = text.substr(0, open);
    if (head.find(':') == std::string_view::npos)
        ambiguous("three fields: the first may be a user, a password or a remark");
    return {.endpoint = *endpoint, .credentials = as_credentials(head)};
}

/// host:port:user:password and user:password:host:port, where passwords may contain more colons.
Readings as_four_fields(const std::vector<std::string_view>& fields) {
    Readings readings;
    if (fields.size() < 4) return readings;
    const auto reading = [](std::string_view host, std::string_view port, std::string_view user,
                            std::string_view password) -> std::optional<Parts> {
        if (!all_digits(port) || host.empty() || host.find('@') != std::string_view::npos)
            return std::nullopt;
        return Parts{
            .endpoint = {.host = host, .port = port},
            .credentials = ProxyCredentials{.user = std::string(user), .password = std::string(password)}};
    };
    const std::size_t host = fields.size() - 2;
    readings.host_first = reading(fields[0], fields[1], fields[2], span_of(fields[3], fields.back()));
    readings.user_first =
        reading(fields[host], fields.back(), fields[0], span_of(fields[1], fields[host - 1]));
    return readings;
}

/// Fields that are separated only by colons.
Parts parse_fields(std::string_view text, FieldOrder order) {
    if (text.starts_with('[') ||
        (text.find(":[") != std::string_view::npos && text.find("]:") != std::string_view::npos))
        return parse_bracketed(text);
    const auto fields = split(text, ':');
    if (fields.size() < 2) reject(std::string(no_host_port));
    if (fields.size() == 2) {
        if (fields[0].empty()) reject("the host is missing");
        return {.endpoint = {.host = fields[0], .port = fields[1]}};
    }
    if (holds_bare_ipv6(fields)) reject(std::string(bare_ipv6));
    if (fields.size() == 3) ambiguous("three fields: one of them may be a user, a password or a remark");

    const Readings readings = as_four_fields(fields);
    if (!readings.host_first && !readings.user_first) reject("no port in second or last position");
    Parts parts = choose(readings, order);
    if (parts.credentials->user.empty()) reject("the user is empty");
    return parts;
}

/// `user:password@host:port` or `host:port@user:password`. A host contains no `@`, so any further `@` belongs
/// to the password. If all of them do, colons separate the fields.
Parts parse_with_at(std::string_view text, FieldOrder order) {
    const auto first = text.find('@');
    const auto last = text.rfind('@');
    const auto front = as_endpoint(text.substr(0, first));
    const auto back = as_endpoint(text.substr(last + 1));
    const bool bracketed = text.starts_with('[') || text.find(":[") != std::string_view::npos;
    Readings readings = bracketed ? Readings{} : as_four_fields(split(text, ':'));
    if (!front && !back) {
        if (bracketed) return parse_bracketed(text);
        for (const auto side : {text.substr(0, first), text.substr(last + 1)})
            if (holds_bare_ipv6(split(side, ':'))) reject(std::string(bare_ipv6));
        if (!readings.host_first && !readings.user_first) reject("no host:port before or after the @");
    }
    // After host:port@, a user without a password may be a remark, so the colon is required.
    if (front && text.find(':', first + 1) != std::string_view::npos) {
        readings.host_first =
            Parts{.endpoint = *front, .credentials = as_credentials(text.substr(first + 1))};
    }
    if (back)
        readings.user_first = Parts{.endpoint = *back, .credentials = as_credentials(text.substr(0, last))};
    if (!readings.host_first && !readings.user_first) reject("no user:password after the @");
    Parts parts = choose(readings, order);
    if (parts.credentials->user.empty()) reject("the user is empty");
    return parts;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
        if (high < 0 || low < 0)
            reject("a % in a URL's user or password needs two hex digits: write it as %25");
        decoded += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return decoded;
}

std::optional<ProxyProtocol> known_scheme(std::string_view scheme) {
    std::string lower(scheme);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    // socks4a and socks5h mean that the proxy resolves names. This is the client's choice, not a property of
    // the proxy.
    constexpr std::array<std::pair<std::string_view, ProxyProtocol>, 6> schemes{
        {{"http", ProxyProtocol::http},
         {"https", ProxyProtocol::https},
         {"socks4", ProxyProtocol::socks4},
         {"socks4a", ProxyProtocol::socks4},
         {"socks5", ProxyProtocol::socks5},
         {"socks5h", ProxyProtocol::socks5}}};
    for (const auto& [name, protocol] : schemes)
        if (lower == name) return protocol;
    return std::nullopt;
}

/// The position of the `:` of `scheme://`, or npos: RFC 3986 §3.1.
std::size_t scheme_length(std::string_view text) {
    const auto end = text.find("://");
    if (end == std::string_view::npos || end == 0) return std::string_view::npos;
    const std::string_view scheme = text.substr(0, end);
    const auto allowed = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
    };
    if (std::isalpha(static_cast<unsigned char>(scheme.front())) == 0 ||
        !std::ranges::all_of(scheme, allowed))
        return std::string_view::npos;
    return end;
}

/// In a URL, a zone follows %25 (RFC 6874).
void decode_zone(Endpoint& endpoint, std::string& storage) {
    const auto zone = endpoint.host.find("%25");
    if (zone == std::string_view::npos) return;
    storage = endpoint.host;
    storage.replace(zone, 3, "%");
    endpoint.host = storage;
}

/// Parses the text after `scheme://`.
Parts parse_authority(std::string_view rest, FieldOrder order, std::string& zone_storage) {
    const auto end = rest.find_first_of("/?#");
    const std::string_view authority = rest.substr(0, end);
    if (end != std::string_view::npos && rest.substr(end) != "/")
        reject("a proxy's URL ends after the port (a / ? or # in the password is written %2F %3F %23)");
    if (authority.empty()) reject(std::string(no_host_port));

    const auto at = authority.rfind('@');
    if (at == std::string_view::npos) {
        Parts parts = parse_fields(authority, order);
        decode_zone(parts.endpoint, zone_storage);
        // scheme://host:port:user:password is not a URL, so it is unknown whether its % signs are encoding.
        if (parts.credentials &&
            (parts.credentials->user + parts.credentials->password).find('%') != std::string::npos)
            ambiguous("a % in a user or password in a position where a URL has none: encoded or not?");
        return parts;
    }
    const auto endpoint = as_endpoint(authority.substr(at + 1));
    if (!endpoint) {
        if (holds_bare_ipv6(split(authority.substr(at + 1), ':'))) reject(std::string(bare_ipv6));
        reject(authority.substr(at + 1).find(':') == std::string_view::npos ? "the port is missing"
                                                                            : "the port is not a number");
    }
    Parts parts{.endpoint = *endpoint, .credentials = as_credentials(authority.substr(0, at))};
    parts.credentials->user = percent_decode(parts.credentials->user);
    parts.credentials->password = percent_decode(parts.credentials->password);
    decode_zone(parts.endpoint, zone_storage);
    return parts;
}

/// The length of the UTF-8 character that begins with this byte (RFC 3629 §4); 0 if none does.
std::size_t utf8_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) return 3;
    return lead < 0xF5 ? 4 : 0;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const unsigned char lead = byte(at);
        const std::size_t length = utf8_length(lead);
        if (length == 0 || at + length > text.size()) return false;
        for (std::size_t i = 1; i < length; ++i)
            if ((byte(at + i) & 0xC0U) != 0x80U) return false;
        // Overlong forms, surrogates, and code points beyond U+10FFFF.
        if ((lead == 0xE0 && byte(at + 1) < 0xA0) || (lead == 0xED && byte(at + 1) > 0x9F) ||
            (lead == 0xF0 && byte(at + 1) < 0x90) || (lead == 0xF4 && byte(at + 1) > 0x8F))
            return false;
        at += length;
    }
    return true;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\v\f";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void check_characters(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) reject("contains a NUL byte");
    if (!is_utf8(line)) reject("is not UTF-8");
    for (const char c : line) {
        if ((c >= 0 && c < 0x20) || c == 0x7F)
            reject(c == '\t' ? "contains a tab: possibly a second column" : "contains a control character");
    }
    if (line.find(' ') != std::string_view::npos)
        reject("contains a space: possibly a second column (in a URL's password a space is written %20)");
}

/// The rule that is broken, without the value, which may be a secret in the wrong position.
std::string masked(const ValidationError& error) {
    constexpr std::string_view prefix = "credentials.";
    std::string field = error.field();
    if (field.starts_with(prefix)) field.erase(0, prefix.size());
    return "the " + field + " " + error.rule();
}

Proxy parse_line(std::string_view line, const ProxyListOptions& options, bool& protocol_named) {
    check_characters(line);
    Proxy proxy{.protocol = options.protocol, .status = ProxyStatus::active};
    std::string zone_storage;
    Parts parts;
    const auto scheme = scheme_length(line);
    protocol_named = scheme != std::string_view::npos;
    if (protocol_named) {
        const auto protocol = known_scheme(line.substr(0, scheme));
        if (!protocol) reject("the scheme is not one of http, https, socks4, socks4a, socks5, socks5h");
        proxy.protocol = *protocol;
        parts = parse_authority(line.substr(scheme + 3), options.order, zone_storage);
    } else if (line.find('@') != std::string_view::npos) {
        parts = parse_with_at(line, options.order);
    } else {
        parts = parse_fields(line, options.order);
    }
    proxy.port = parse_port(parts.endpoint.port);
    proxy.host = parts.endpoint.host;
    proxy.credentials = std::move(parts.credentials);
    proxy.pool_id = PoolId::make();  // a placeholder that passes validation; the caller sets the pool
    proxy = validated(std::move(proxy));
    proxy.pool_id = {};
    return proxy;
}

}  // namespace

std::string_view to_string(LineVerdict verdict) noexcept {
    return verdict == LineVerdict::ambiguous ? "ambiguous" : "rejected";
}

ProxyList parse_proxy_list(std::string_view text, const ProxyListOptions& options) {
    ProxyList list;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);

        const std::string_view line = trim(whole);
        if (line.empty() || line.starts_with('#') || line.starts_with("//")) {
            ++list.skipped;
            continue;
        }
        try {
            if (line.size() > max_line_bytes)
                reject("is longer than " + std::to_string(max_line_bytes) + " bytes");
            bool protocol_named = false;
            list.proxies.push_back({.line = number, .proxy = parse_line(line, options, protocol_named)});
            if (!protocol_named) ++list.protocol_assumed;
        } catch (Problem& problem) {
            list.problems.push_back(
                {.line = number, .verdict = problem.verdict, .reason = std::move(problem.reason)});
        } catch (const ValidationError& error) {
            list.problems.push_back(
                {.line = number, .verdict = LineVerdict::rejected, .reason = masked(error)});
        }
    }
    return list;
}

}  // namespace pharox::cli
