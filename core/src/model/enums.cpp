// The texts of all enumerations of the models.
#include <ostream>

#include "model/enum_text.hpp"
#include "pharox/model/health.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/selector.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox {
namespace {

constexpr EnumNames<4> protocol_names{"http", "https", "socks4", "socks5"};
constexpr EnumNames<4> proxy_status_names{"active", "inactive", "slow", "banned"};
constexpr EnumNames<2> lease_status_names{"active", "released"};
constexpr EnumNames<3> release_reason_names{"released", "expired", "revoked"};
constexpr EnumNames<6> selector_names{"first_available", "round_robin", "least_used",
                                      "lowest_latency",  "random",      "weighted_random"};
constexpr EnumNames<9> health_failure_names{
    "dns",        "connect",        "timeout",       "tls",
    "proxy_auth", "proxy_protocol", "target_status", "target_unreachable",
    "cancelled"};
constexpr EnumNames<9> miss_names{"none_available", "pool_unknown", "nothing_matches",
                                  "all_busy",       "all_cooling",  "session_busy",
                                  "lease_ended",    "queue_full",   "cancelled"};

}  // namespace

std::string_view to_string(ProxyProtocol protocol) noexcept { return enum_name(protocol_names, protocol); }
std::string_view to_string(ProxyStatus status) noexcept { return enum_name(proxy_status_names, status); }
std::string_view to_string(LeaseStatus status) noexcept { return enum_name(lease_status_names, status); }
std::string_view to_string(ReleaseReason reason) noexcept { return enum_name(release_reason_names, reason); }
std::string_view to_string(Selector selector) noexcept { return enum_name(selector_names, selector); }
std::string_view to_string(HealthFailure failure) noexcept {
    return enum_name(health_failure_names, failure);
}
std::string_view to_string(Miss miss) noexcept { return enum_name(miss_names, miss); }

ProxyProtocol parse_proxy_protocol(std::string_view text, std::string_view field) {
    return enum_value<ProxyProtocol>(protocol_names, field, text);
}
ProxyStatus parse_proxy_status(std::string_view text, std::string_view field) {
    return enum_value<ProxyStatus>(proxy_status_names, field, text);
}
LeaseStatus parse_lease_status(std::string_view text, std::string_view field) {
    return enum_value<LeaseStatus>(lease_status_names, field, text);
}
ReleaseReason parse_release_reason(std::string_view text, std::string_view field) {
    return enum_value<ReleaseReason>(release_reason_names, field, text);
}
Selector parse_selector(std::string_view text, std::string_view field) {
    return enum_value<Selector>(selector_names, field, text);
}
HealthFailure parse_health_failure(std::string_view text, std::string_view field) {
    return enum_value<HealthFailure>(health_failure_names, field, text);
}

Miss parse_miss(std::string_view text, std::string_view field) {
    return enum_value<Miss>(miss_names, field, text);
}

std::ostream& operator<<(std::ostream& out, ProxyProtocol protocol) { return out << to_string(protocol); }
std::ostream& operator<<(std::ostream& out, ProxyStatus status) { return out << to_string(status); }
std::ostream& operator<<(std::ostream& out, LeaseStatus status) { return out << to_string(status); }
std::ostream& operator<<(std::ostream& out, ReleaseReason reason) { return out << to_string(reason); }
std::ostream& operator<<(std::ostream& out, Selector selector) { return out << to_string(selector); }
std::ostream& operator<<(std::ostream& out, HealthFailure failure) { return out << to_string(failure); }
std::ostream& operator<<(std::ostream& out, Miss miss) { return out << to_string(miss); }

}  // namespace pharox
