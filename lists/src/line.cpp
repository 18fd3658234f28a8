#include "line.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::lists {
namespace {

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
    bool further_fields = false;  ///< the password contains separators of fields
};

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
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
    if (is_placeholder(credentials.user) || is_placeholder(credentials.password))
        reject("the user or the password is an unfilled placeholder");
    return credentials;
}

struct Rules {
    FieldOrder order;
    bool colons_in_passwords;  ///< in forms where colons separate the fields: the caller has said the order
    OrderEvidence& evidence;
};

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

Parts chosen_reading(const Readings& readings, FieldOrder order) {
    const bool host_fits = readings.host_first && is_port(readings.host_first->endpoint.port);
    const bool user_fits = readings.user_first && is_port(readings.user_first->endpoint.port);
    if ((host_fits || user_fits) && is_plausible(readings.host_first) && is_plausible(readings.user_first)) {
        if (order == FieldOrder::host_first) return *readings.host_first;
        if (order == FieldOrder::user_first) return *readings.user_first;
        ambiguous("both ends may be host:port: the order host-first or user-first decides");
    }
    if (host_fits) return *readings.host_first;
    if (user_fits) return *readings.user_first;
    // Neither port is valid: the existing reading reports the error.
    const bool wants_user = order == FieldOrder::user_first && readings.user_first;
    return readings.host_first && !wants_user ? *readings.host_first : readings.user_first.value();
}

Parts choose(const Readings& readings, const Rules& rules) {
    Parts parts = chosen_reading(readings, rules.order);
    if (parts.credentials->user.empty()) reject("the user is empty");
    if (parts.further_fields && !rules.colons_in_passwords)
        ambiguous("more than four fields: a colon in the password, or a further column");
    return parts;
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
    const bool more = fields.size() > 4;
    const auto reading = [more](std::string_view host, std::string_view port, std::string_view user,
                                std::string_view password) -> std::optional<Parts> {
        if (!all_digits(port) || host.empty() || host.find('@') != std::string_view::npos)
            return std::nullopt;
        return Parts{
            .endpoint = {.host = host, .port = port},
            .credentials = ProxyCredentials{.user = std::string(user), .password = std::string(password)},
            .further_fields = more};
    };
    const std::size_t host = fields.size() - 2;
    readings.host_first = reading(fields[0], fields[1], fields[2], span_of(fields[3], fields.back()));
    readings.user_first =
        reading(fields[host], fields.back(), fields[0], span_of(fields[1], fields[host - 1]));
    return readings;
}

/// Fields that are separated only by colons.
Parts parse_fields(std::string_view text, const Rules& rules) {
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
    const Parts parts = choose(readings, rules);
    const auto fits = [](const std::optional<Parts>& reading) {
        return reading && is_port(reading->endpoint.port);
    };
    if (fits(readings.host_first) != fits(readings.user_first))
        ++(fits(readings.host_first) ? rules.evidence.host_first : rules.evidence.user_first);
    return parts;
}

/// `user:password@host:port` or `host:port@user:password`. A host contains no `@`, so any further `@` belongs
/// to the password. If all of them do, colons separate the fields.
Parts parse_with_at(std::string_view text, const Rules& rules) {
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
    return choose(readings, rules);
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
Parts parse_authority(std::string_view rest, const Rules& rules, std::string& zone_storage) {
    const auto end = rest.find_first_of("/?#");
    const std::string_view authority = rest.substr(0, end);
    if (end != std::string_view::npos && rest.substr(end) != "/")
        reject("a proxy's URL ends after the port (a / ? or # in the password is written %2F %3F %23)");
    if (authority.empty()) reject(std::string(no_host_port));

    const auto at = authority.rfind('@');
    if (at == std::string_view::npos) {
        Parts parts = parse_fields(authority, rules);
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

void check_characters(std::string_view line) {
    using std::string_view_literals::operator""sv;
    if (line.find('\0') != std::string_view::npos) reject("contains a NUL byte");
    if (!is_utf8(line)) reject("is not UTF-8");
    if (line.starts_with("\xEF\xBB\xBF"sv))
        reject("begins with a byte order mark in the middle of the list: files were joined here");
    for (const char c : line)
        if ((c >= 0 && c < 0x20 && c != '\t') || c == 0x7F) reject("contains a control character");
    if (line.front() == '{' && !line.starts_with("{{")) reject("is JSON, not a line of this list");
    if (line.front() == '<' && line.find(':') == std::string_view::npos)
        reject("is markup, not a line of a list");
}

/// The rules of a URL's scheme, or nothing: `protocol` is set if the scheme names one.
std::string_view without_scheme(std::string_view text, std::optional<ProxyProtocol>& protocol) {
    constexpr std::array<std::string_view, 9> others = {"ss",   "ssr",      "vmess",     "vless",    "trojan",
                                                        "tuic", "hysteria", "hysteria2", "wireguard"};
    const auto scheme = scheme_length(text);
    if (scheme == std::string_view::npos) return text;
    const std::string_view name = text.substr(0, scheme);
    protocol = known_protocol(name);
    if (!protocol && std::ranges::find(others, name) != others.end())
        skip("is a server of " + std::string(name) + ", which is none of the protocols of a proxy");
    if (!protocol) reject("the scheme is not one of http, https, socks4, socks4a, socks5, socks5h");
    return text.substr(scheme + 3);
}

/// A line, or its first column, without further columns.
Entry parse_whole(std::string_view text, const Rules& rules, ProxyProtocol assumed) {
    std::string zone_storage;
    std::optional<ProxyProtocol> protocol;
    Parts parts;
    std::string with_at;
    const std::string_view rest = without_scheme(text, protocol);
    if (protocol) {
        parts = parse_authority(rest, rules, zone_storage);
    } else if (const auto hashes = text.find("##");
               hashes != std::string_view::npos && as_endpoint(text.substr(0, hashes))) {
        parts = {.endpoint = *as_endpoint(text.substr(0, hashes)),
                 .credentials = as_credentials(text.substr(hashes + 2))};
    } else if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        const auto endpoint = as_endpoint(text.substr(0, at));
        protocol = known_protocol(text.substr(at + 1));
        if (protocol && endpoint) {
            parts = {.endpoint = *endpoint};
        } else {
            protocol.reset();
            parts = parse_with_at(text, rules);
        }
    } else {
        parts = parse_fields(text, rules);
    }
    Entry entry{.proxy = {.protocol = protocol.value_or(assumed)}, .protocol_named = protocol.has_value()};
    entry.proxy.port = parse_port(parts.endpoint.port);
    entry.proxy.host = parts.endpoint.host;
    entry.proxy.credentials = std::move(parts.credentials);
    return entry;
}

// ---- Columns

bool is_name_of_place(std::string_view text) {
    return std::ranges::all_of(text, [](unsigned char c) {
        return c >= 0x80 || std::isalpha(c) != 0 || c == ' ' || c == '\'' || c == '.' || c == '-' ||
               c == '(' || c == ')';
    });
}

/// `CZ-H-S -` of the lists of spys: country, anonymity, TLS, whether the egress address differs.
bool is_spys_column(std::string_view text) {
    return text.size() >= 4 && is_country_code(text.substr(0, 2)) && text[2] == '-' &&
           std::string_view("NAH").find(text[3]) != std::string_view::npos;
}

void set_place(Proxy& proxy, const std::vector<std::string_view>& columns, char separator) {
    const auto value = [&](std::size_t at) -> std::optional<std::string> {
        if (at >= columns.size() || is_absent(columns[at])) return std::nullopt;
        return std::string(columns[at]);
    };
    if (separator == ' ' && !columns.empty() && is_spys_column(columns[0])) {
        proxy.country = std::string(columns[0].substr(0, 2));
        return;
    }
    // Names of countries only in lists of places, `|Ireland|Leinster|Dublin`: elsewhere a word may be a user.
    const bool named =
        separator == '|' && columns.size() == 3 &&
        std::ranges::all_of(columns, [](std::string_view c) { return is_absent(c) || is_name_of_place(c); });
    if (!named && !is_absent(columns[0]) && !is_country_code(columns[0]))
        ambiguous("columns after host:port that are no place: a line of column names says what they are");
    if (columns.size() > 3)
        ambiguous("more columns than country, region and city: a line of column names says what they are");
    proxy.country = value(0);
    proxy.city = value(columns.size() == 3 ? 2 : 1);
}

/// Columns that hold host and port themselves.
Entry parse_columns(const std::vector<std::string_view>& columns, ProxyProtocol assumed) {
    Entry entry{.proxy = {.protocol = assumed}};
    entry.proxy.host = columns[0];
    entry.proxy.port = parse_port(columns[1]);
    if (columns.size() == 3) {
        const auto protocol = known_protocol(columns[2]);
        if (!protocol) ambiguous("three columns: the last may be a user, a password or a remark");
        entry.proxy.protocol = *protocol;
        entry.protocol_named = true;
    } else if (columns.size() == 4) {
        if (known_protocol(columns[2]) || is_country_code(columns[3]))
            ambiguous(
                "four columns that may be user and password, or protocol and place: a line of column names "
                "says what they are");
        entry.proxy.credentials =
            ProxyCredentials{.user = std::string(columns[2]), .password = std::string(columns[3])};
        if (entry.proxy.credentials->user.empty()) reject("the user is empty");
    } else if (columns.size() > 4) {
        ambiguous("more than four columns: a line of column names says what they are");
    }
    return entry;
}

/// The character that separates columns: 0 if there are none. A password may contain `|`, `;` and `,`, so
/// these separate only after `host:port`, or where host and port are columns.
char column_separator(std::string_view line) {
    if (line.find('\t') != std::string_view::npos) return '\t';
    for (const char separator : {'|', ';', ',', ' '}) {
        const auto end = line.find(separator);
        if (end == std::string_view::npos) continue;
        const std::string_view first = trimmed(line.substr(0, end));
        const std::string_view second = trimmed(line.substr(end + 1));
        const std::string_view after_port = second.substr(0, second.find(separator));
        if ((first.find(':') == std::string_view::npos || is_ipv6(first)) && is_port(trimmed(after_port)))
            return separator;
        const std::string_view authority =
            scheme_length(first) == std::string_view::npos ? first : first.substr(scheme_length(first) + 3);
        const auto at = authority.rfind('@');
        const auto endpoint =
            as_endpoint(at == std::string_view::npos ? authority : authority.substr(at + 1));
        if (endpoint && is_port(endpoint->port)) return separator;
    }
    return 0;
}

std::vector<std::string_view> columns_of(std::string_view line, char separator) {
    std::vector<std::string_view> columns = split(line, separator);
    for (std::string_view& column : columns) column = trimmed(column);
    if (separator == ' ') std::erase_if(columns, [](std::string_view column) { return column.empty(); });
    return columns;
}

}  // namespace

Entry parse_line(std::string_view line, const ReadOptions& options, FieldOrder order,
                 OrderEvidence& evidence) {
    if (line.size() > max_line_bytes) reject("is longer than " + std::to_string(max_line_bytes) + " bytes");
    check_characters(line);
    const std::string filled = with_variables(line, options);
    line = filled;
    const Rules rules{.order = order,
                      .colons_in_passwords =
                          options.order == FieldOrder::host_first || options.order == FieldOrder::user_first,
                      .evidence = evidence};
    const char separator = column_separator(line);
    if (separator == 0) {
        if (line.find(' ') != std::string_view::npos)
            reject(
                "contains a space, but no host:port before it (in a URL's password a space is written %20)");
        return parse_whole(line, rules, options.protocol);
    }
    std::vector<std::string_view> columns = columns_of(line, separator);
    if (columns[0].find(':') == std::string_view::npos || is_ipv6(columns[0]))
        return parse_columns(columns, options.protocol);
    Entry entry = parse_whole(columns[0], rules, options.protocol);
    columns.erase(columns.begin());
    if (!columns.empty()) set_place(entry.proxy, columns, separator);
    return entry;
}

}  // namespace pharox::lists
