// Proxies, and the pools that contain them.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "pharox/model/id.hpp"
#include "pharox/model/json.hpp"
#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

enum class ProxyProtocol : std::uint8_t { http, https, socks4, socks5 };
enum class ProxyStatus : std::uint8_t { active, inactive, slow, banned };

std::string_view to_string(ProxyProtocol protocol) noexcept;
std::string_view to_string(ProxyStatus status) noexcept;
/// Parses the exact lower-case text. Throws ValidationError(field, text, …).
ProxyProtocol parse_proxy_protocol(std::string_view text, std::string_view field = "protocol");
ProxyStatus parse_proxy_status(std::string_view text, std::string_view field = "status");

/// User and password of the proxy. If `template_` is set, both may contain placeholders, and `{{` and `}}`
/// stand for braces. `{country}`, `{city}` and `{metadata.a.b}` (the value at the keys a and b) stand for the
/// proxy's own attributes, which must then be present. `{lease}` and `{session}` stand for the id of the
/// lease and for a name that the holder chooses; many vendors give each such name an exit address of its own.
/// No function of this version fills in these two: url() refuses a template.
struct ProxyCredentials {
    std::string user;
    std::string password;    ///< may be empty
    bool template_ = false;  ///< literal unless set

    friend bool operator==(const ProxyCredentials&, const ProxyCredentials&) = default;
};

/// One proxy. A plain value; `validated()` checks it, and storages call that function.
struct Proxy {
    ProxyId id = ProxyId::make();
    PoolId pool_id{};
    std::string host;  ///< IPv4, IPv6 (with zone) without brackets, or a DNS name
    int port = 0;      ///< 1 to 65535
    ProxyProtocol protocol = ProxyProtocol::http;
    ProxyStatus status = ProxyStatus::inactive;
    Timestamp checked_at = current_time();  ///< of the newest check; at first, of creation
    std::optional<ProxyCredentials> credentials{};
    std::optional<std::string> source{}, country{}, city{}, isp{};
    std::optional<std::int64_t> asn{};              ///< 0 to 2^32 - 1
    std::optional<double> latitude{}, longitude{};  ///< degrees, both or none
    std::optional<double> latency_ms{};             ///< of the newest reachable check
    std::optional<int> max_concurrency{};           ///< at least 1; absent means unlimited
    int current_leases = 0;                         ///< owned by the storage, ignored on input
    double weight = 1.0;                            ///< for weighted_random; 0 is never picked
    std::set<std::string> tags{};
    Json metadata = Json::object();  ///< an object of at most 16 KiB and depth 32

    /// `scheme://user:password@host:port`, user info percent-encoded (RFC 3986 §3.2.1), IPv6 in brackets with
    /// its zone after %25 (RFC 6874). Contains the password: for connecting, never for logs. Throws
    /// ValidationError for a credential template, which only a lease can fill in.
    [[nodiscard]] std::string url() const;
    /// The same with `***` in place of all user info. Cannot fail.
    [[nodiscard]] std::string redacted_url() const;
    /// Two proxies of one pool must not have the same identity. It is the URL; of a template, with the
    /// proxy's attributes filled in and `{lease}` and `{session}` as they are written. Contains the password.
    [[nodiscard]] std::string identity() const;

    friend bool operator==(const Proxy&, const Proxy&) = default;
};

/// A named set of proxies.
struct ProxyPool {
    PoolId id = PoolId::make();
    std::string name;  ///< at most 128 bytes, unique
    std::optional<std::string> description{};
    Json metadata = Json::object();

    friend bool operator==(const ProxyPool&, const ProxyPool&) = default;
};

/// A program or user that acquires proxies.
struct Consumer {
    ConsumerId id = ConsumerId::make();
    std::string name;  ///< at most 128 bytes, unique

    friend bool operator==(const Consumer&, const Consumer&) = default;
};

/// The value in canonical form (host as lower-case A-labels or canonical address text, current_leases 0).
/// Throws ValidationError for the first field that breaks a rule, with the field, its value and the rule.
Proxy validated(Proxy proxy);
ProxyPool validated(ProxyPool pool);
Consumer validated(Consumer consumer);

/// The canonical form of an address or DNS name (IDNA 2008 by libidn2). Throws ValidationError(field, host,
/// …).
std::string canonical_host(std::string_view host, std::string_view field = "host");
/// Checks text for models: UTF-8 without NUL, 1 to `max_bytes` bytes. Throws ValidationError.
void validate_text(std::string_view field, std::string_view text, std::size_t max_bytes = 255);

inline constexpr std::size_t max_name_bytes = 128;

// Output redacts secrets.
std::ostream& operator<<(std::ostream& out, ProxyProtocol protocol);
std::ostream& operator<<(std::ostream& out, ProxyStatus status);
std::ostream& operator<<(std::ostream& out, const ProxyCredentials& credentials);
std::ostream& operator<<(std::ostream& out, const Proxy& proxy);
std::ostream& operator<<(std::ostream& out, const ProxyPool& pool);
std::ostream& operator<<(std::ostream& out, const Consumer& consumer);

}  // namespace pharox
