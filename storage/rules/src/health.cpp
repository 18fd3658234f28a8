#include "pharox/rules/health.hpp"

namespace pharox::rules {

bool is_reachable(ProxyStatus status) noexcept {
    return status == ProxyStatus::active || status == ProxyStatus::slow;
}

bool apply_health(Proxy& proxy, const HealthCheckResult& result, std::optional<Timestamp> last_checked_at) {
    if (last_checked_at && result.checked_at < *last_checked_at) return false;
    proxy.checked_at = result.checked_at;
    if (proxy.status != ProxyStatus::banned) proxy.status = result.status;
    if (is_reachable(result.status) && result.latency_ms) proxy.latency_ms = result.latency_ms;
    return true;
}

}  // namespace pharox::rules
