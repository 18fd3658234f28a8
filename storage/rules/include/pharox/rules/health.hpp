// What a health check changes.
#pragma once

#include <optional>

#include "pharox/model/health.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// Whether a check with this outcome reached the proxy, so that its latency counts.
bool is_reachable(ProxyStatus status) noexcept;
/// Copies a validated result to the proxy. Returns false, and changes nothing, if the result is older than
/// `last_checked_at`, the newest one applied so far. First set a `checked_at` in the future to now.
bool apply_health(Proxy& proxy, const HealthCheckResult& result, std::optional<Timestamp> last_checked_at);

}  // namespace rules
}  // namespace pharox
