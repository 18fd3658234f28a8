// Health checks: options, results, and records.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Why a check failed.
enum class HealthFailure : std::uint8_t {
    dns,
    connect,
    timeout,
    tls,
    proxy_auth,
    proxy_protocol,
    target_status,
    target_unreachable,
    cancelled
};
std::string_view to_string(HealthFailure failure) noexcept;
HealthFailure parse_health_failure(std::string_view text, std::string_view field = "failure");

struct HealthCheckOptions {
    std::string target_url = "https://httpbin.org/ip";  ///< absolute, http or https
    Duration timeout = std::chrono::seconds(5);         ///< of one attempt
    int attempts = 1;                                   ///< 1 to 5
    std::vector<int> expected_status_codes = {200};     ///< each 100 to 599; at least one
    Duration slow_threshold = std::chrono::seconds(2);  ///< slower than this is `slow`
    bool allow_redirects = true;
    std::map<std::string, std::string> headers{};

    friend bool operator==(const HealthCheckOptions&, const HealthCheckOptions&) = default;
};

struct HealthCheckResult {
    ProxyId proxy_id{};
    ProxyStatus status = ProxyStatus::inactive;
    std::optional<double> latency_ms{};
    ProxyProtocol protocol = ProxyProtocol::http;
    int attempts = 1;
    std::optional<int> status_code{};
    Timestamp checked_at = current_time();
    std::optional<HealthFailure> failure{};
    std::optional<std::string> error_message{};

    friend bool operator==(const HealthCheckResult&, const HealthCheckResult&) = default;
};

struct ProxyHealthRecord {
    RecordId id = RecordId::make();
    ProxyId proxy_id{};
    Timestamp checked_at = current_time();
    bool reachable = false;
    std::optional<double> latency_ms{};
    ProxyProtocol protocol = ProxyProtocol::http;
    std::optional<ProxyStatus> status_before{};
    ProxyStatus status_after = ProxyStatus::inactive;
    std::optional<HealthFailure> failure{};
    std::optional<std::string> error{};

    friend bool operator==(const ProxyHealthRecord&, const ProxyHealthRecord&) = default;
};

/// Validates the value. Throws ValidationError for the first field that breaks a rule.
HealthCheckOptions validated(HealthCheckOptions options);
HealthCheckResult validated(HealthCheckResult result);
ProxyHealthRecord validated(ProxyHealthRecord record);

std::ostream& operator<<(std::ostream& out, HealthFailure failure);
std::ostream& operator<<(std::ostream& out, const HealthCheckOptions& options);
std::ostream& operator<<(std::ostream& out, const HealthCheckResult& result);
std::ostream& operator<<(std::ostream& out, const ProxyHealthRecord& record);

}  // namespace pharox
