#include "pharox/model/health.hpp"

#include <algorithm>

#include "model/rules.hpp"
#include "pharox/errors.hpp"

namespace pharox {
namespace {

constexpr std::size_t max_url_bytes = 2048;
constexpr std::size_t max_header_bytes = 8192;
constexpr std::size_t max_error_bytes = 4096;

void validate_target_url(const std::string& url) {
    const std::size_t slashes = url.find("//");
    const std::size_t authority = slashes == std::string::npos ? 0 : slashes + 2;
    const std::string_view host =
        std::string_view(url).substr(authority, url.find_first_of("/?#", authority) - authority);
    if (host.find('@') != std::string_view::npos) {
        throw ValidationError("target_url", ValidationError::hidden_value,
                              "contains user info, which belongs in a header");
    }
    validate_text("target_url", url, max_url_bytes);
    const auto after_scheme = [&](std::string_view start) {
        return url.starts_with(start) ? start.size() : 0;
    };
    const std::size_t scheme = std::max(after_scheme("http://"), after_scheme("https://"));
    if (scheme == 0) throw ValidationError("target_url", url, "is not an absolute http or https URL");
    if (url.find_first_of("/?#", scheme) == scheme || url.size() == scheme) {
        throw ValidationError("target_url", url, "has no host");
    }
    if (url.find_first_of(" \t\r\n") != std::string::npos) {
        throw ValidationError("target_url", url, "contains white space");
    }
}

void validate_latency(const std::optional<double>& latency) {
    if (latency) validate_at_least("latency_ms", *latency, 0.0);
}

void validate_header(const std::string& name, const std::string& value) {
    validate_text("headers", name, max_header_bytes);
    if (name.find_first_of(" \t\r\n:") != std::string::npos) {
        throw ValidationError("headers", name, "is not a header name (RFC 9110)");
    }
    // Values are not shown, because they may be secrets.
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos ||
        value.size() > max_header_bytes) {
        throw ValidationError("headers." + name, ValidationError::hidden_value,
                              "is not a header value (RFC 9110)");
    }
}

}  // namespace

HealthCheckOptions validated(HealthCheckOptions options) {
    validate_target_url(options.target_url);
    validate_range("timeout_ms", options.timeout.count(), 1, max_lease_duration.count());
    validate_range("attempts", options.attempts, 1, 5);
    if (options.expected_status_codes.empty()) throw ValidationError("expected_status_codes", {}, "is empty");
    for (const int code : options.expected_status_codes)
        validate_range("expected_status_codes", code, 100, 599);
    validate_range("slow_threshold_ms", options.slow_threshold.count(), 0, max_lease_duration.count());
    for (const auto& [name, value] : options.headers) validate_header(name, value);
    return options;
}

HealthCheckResult validated(HealthCheckResult result) {
    if (result.proxy_id.is_nil()) throw ValidationError("proxy_id", result.proxy_id.to_string(), "is nil");
    validate_latency(result.latency_ms);
    validate_instant("checked_at", result.checked_at);
    validate_at_least("attempts", result.attempts, 1);
    if (result.status_code) validate_range("status_code", *result.status_code, 100, 599);
    if (result.error_message) validate_text("error_message", *result.error_message, max_error_bytes);
    return result;
}

ProxyHealthRecord validated(ProxyHealthRecord record) {
    if (record.id.is_nil()) throw ValidationError("id", record.id.to_string(), "is nil");
    if (record.proxy_id.is_nil()) throw ValidationError("proxy_id", record.proxy_id.to_string(), "is nil");
    validate_latency(record.latency_ms);
    validate_instant("checked_at", record.checked_at);
    if (record.error) validate_text("error", *record.error, max_error_bytes);
    return record;
}

}  // namespace pharox
