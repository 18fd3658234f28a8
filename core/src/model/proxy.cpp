#include "pharox/model/proxy.hpp"

#include <algorithm>
#include <cctype>
#include <ostream>

#include "model/credential_template.hpp"
#include "model/rules.hpp"
#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox {
namespace {

using Part = CredentialTemplate::Part;
using Kind = CredentialTemplate::Kind;

constexpr std::size_t max_socks5_credential = 255;       // RFC 1929 §2
constexpr std::size_t rendered_placeholder_length = 20;  // base32 characters of a hash
constexpr std::size_t max_metadata_bytes = 16 * 1024;
constexpr int max_metadata_depth = 32;
constexpr std::int64_t max_asn = 4'294'967'295;

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool unreserved =
            (byte < 0x80 && std::isalnum(byte) != 0) || c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += hex[byte >> 4U];
            encoded += hex[byte & 0xFU];
        }
    }
    return encoded;
}

/// `user` or `password` with its attributes filled in: one literal unless it is a template.
std::vector<Part> filled(const Proxy& proxy, std::string_view field, const std::string& text) {
    if (proxy.credentials->template_)
        return CredentialTemplate::parse(field, text).fill_attributes(field, proxy);
    return {Part{.kind = Kind::literal, .text = text}};
}

std::string user_info(const Proxy& proxy, std::string_view field, const std::string& text,
                      bool keep_placeholders) {
    std::string encoded;
    for (const Part& part : filled(proxy, field, text)) {
        if (part.kind == Kind::literal) {
            encoded += percent_encoded(part.text);
        } else if (keep_placeholders) {
            encoded += part.kind == Kind::lease ? "{lease}" : "{session}";
        } else {
            throw ValidationError(std::string(field), ValidationError::hidden_value,
                                  "is a template that only a lease can fill in");
        }
    }
    return encoded;
}

std::string url_host(std::string_view host) {
    if (host.find(':') == std::string_view::npos) return std::string(host);
    const std::size_t zone = host.find('%');
    if (zone == std::string_view::npos) return "[" + std::string(host) + "]";
    return "[" + std::string(host.substr(0, zone)) + "%25" + std::string(host.substr(zone + 1)) + "]";
}

std::string assembled(const Proxy& proxy, const std::string& authority_prefix) {
    return std::string(to_string(proxy.protocol)) + "://" + authority_prefix + url_host(proxy.host) + ":" +
           std::to_string(proxy.port);
}

std::string with_credentials(const Proxy& proxy, bool keep_placeholders) {
    if (!proxy.credentials) return assembled(proxy, "");
    return assembled(
        proxy, user_info(proxy, "credentials.user", proxy.credentials->user, keep_placeholders) + ":" +
                   user_info(proxy, "credentials.password", proxy.credentials->password, keep_placeholders) +
                   "@");
}

bool holds_control_character(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

void validate_secret(std::string_view field, const std::string& text, bool may_be_empty) {
    const auto refuse = [&](const char* rule) {
        throw ValidationError(std::string(field), ValidationError::hidden_value, rule);
    };
    if (text.empty() && !may_be_empty) throw ValidationError(std::string(field), text, "is empty");
    if (text.size() > max_text_bytes) refuse("is longer than 255 bytes");
    if (!is_utf8(text)) refuse("is not UTF-8");
    if (holds_control_character(text)) refuse("contains a control character");
}

/// Checks, after filling in, what the protocol can carry.
void validate_filled(const Proxy& proxy, std::string_view field, const std::string& text, bool is_user) {
    std::size_t length = 0;
    bool colon = false;
    bool control = false;
    for (const Part& part : filled(proxy, field, text)) {
        length += part.kind == Kind::literal ? part.text.size() : rendered_placeholder_length;
        colon = colon || part.text.find(':') != std::string::npos;
        control = control || holds_control_character(part.text);
    }
    const auto refuse = [&](const char* rule) {
        throw ValidationError(std::string(field), ValidationError::hidden_value, rule);
    };
    if (control) refuse("contains a control character");
    if (is_user && length == 0) refuse("is empty");
    const bool http = proxy.protocol == ProxyProtocol::http || proxy.protocol == ProxyProtocol::https;
    if (http && is_user && colon) refuse("contains a colon, which HTTP cannot carry in a user (RFC 7617)");
    if (proxy.protocol == ProxyProtocol::socks5 && length > max_socks5_credential) {
        refuse("is longer than the 255 bytes that SOCKS5 can carry (RFC 1929)");
    }
}

void validate_credentials(const Proxy& proxy) {
    if (!proxy.credentials) return;
    const ProxyCredentials& credentials = *proxy.credentials;
    validate_secret("credentials.user", credentials.user, false);
    validate_secret("credentials.password", credentials.password, true);
    validate_filled(proxy, "credentials.user", credentials.user, true);
    validate_filled(proxy, "credentials.password", credentials.password, false);
}

void validate_optional_text(std::string_view field, const std::optional<std::string>& text) {
    if (text) validate_text(field, *text);
}

}  // namespace

void validate_metadata_object(const Json& metadata) {
    if (!metadata.is_object()) throw ValidationError("metadata", metadata.dump(), "is not an object");
    if (metadata.size() == 0) return;
    if (const std::size_t bytes = metadata.dump().size(); bytes > max_metadata_bytes) {
        throw ValidationError("metadata", std::to_string(bytes), "bytes are more than 16384");
    }
    if (const int depth = metadata.depth(); depth > max_metadata_depth) {
        throw ValidationError("metadata", std::to_string(depth), "levels are more than 32");
    }
}

void validate_position(const std::string& prefix, const std::optional<double>& latitude,
                       const std::optional<double>& longitude) {
    if (latitude) validate_range(prefix + "latitude", *latitude, -90, 90);
    if (longitude) validate_range(prefix + "longitude", *longitude, -180, 180);
    if (latitude && !longitude)
        throw ValidationError(prefix + "longitude", {}, "is missing beside a latitude");
    if (longitude && !latitude)
        throw ValidationError(prefix + "latitude", {}, "is missing beside a longitude");
}

void validate_asn(const std::string& field, std::int64_t asn) {
    validate_range(field, asn, std::int64_t{0}, max_asn);
}

void validate_text(std::string_view field, std::string_view text, std::size_t max_bytes) {
    const auto refuse = [&](std::string rule) {
        throw ValidationError(std::string(field), text, std::move(rule));
    };
    if (text.empty()) throw ValidationError(std::string(field), "", "is empty");
    if (text.size() > max_bytes) refuse("is longer than " + std::to_string(max_bytes) + " bytes");
    if (!is_utf8(text)) refuse("is not UTF-8");
    if (text.find('\0') != std::string_view::npos) refuse("contains a NUL");
}

std::string Proxy::url() const { return with_credentials(*this, false); }
std::string Proxy::identity() const { return with_credentials(*this, true); }
std::string Proxy::redacted_url() const { return assembled(*this, credentials ? "***@" : ""); }

Proxy validated(Proxy proxy) {
    if (proxy.id.is_nil()) throw ValidationError("id", proxy.id.to_string(), "is nil");
    if (proxy.pool_id.is_nil()) throw ValidationError("pool_id", proxy.pool_id.to_string(), "is nil");
    proxy.host = canonical_host(proxy.host);
    validate_range("port", proxy.port, 1, 65535);
    validate_known("protocol", proxy.protocol, ProxyProtocol::socks5, "is not a protocol");
    validate_known("status", proxy.status, ProxyStatus::banned, "is not a status");
    validate_instant("checked_at", proxy.checked_at);
    validate_optional_text("source", proxy.source);
    validate_optional_text("country", proxy.country);
    validate_optional_text("city", proxy.city);
    validate_optional_text("isp", proxy.isp);
    if (proxy.asn) validate_asn("asn", *proxy.asn);
    validate_position("", proxy.latitude, proxy.longitude);
    if (proxy.latency_ms) validate_at_least("latency_ms", *proxy.latency_ms, 0.0);
    if (proxy.max_concurrency) validate_at_least("max_concurrency", *proxy.max_concurrency, 1);
    validate_at_least("weight", proxy.weight, 0.0);
    for (const std::string& tag : proxy.tags) validate_text("tags", tag);
    validate_metadata_object(proxy.metadata);
    validate_credentials(proxy);
    proxy.current_leases = 0;
    return proxy;
}

ProxyPool validated(ProxyPool pool) {
    if (pool.id.is_nil()) throw ValidationError("id", pool.id.to_string(), "is nil");
    validate_text("name", pool.name, max_name_bytes);
    validate_optional_text("description", pool.description);
    validate_metadata_object(pool.metadata);
    return pool;
}

Consumer validated(Consumer consumer) {
    if (consumer.id.is_nil()) throw ValidationError("id", consumer.id.to_string(), "is nil");
    validate_text("name", consumer.name, max_name_bytes);
    return consumer;
}

}  // namespace pharox
