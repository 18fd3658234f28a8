// What a health check changes.
#pragma once

#include <optional>

#include "pharox/model/health.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// Whether a check with this outcome reached the proxy, so that its latency counts.
bool is_reachable(ProxyStatus status) noexcept;
/// Takes a validated result over to the proxy; false, and nothing changed, where it is older than
/// `last_checked_at`, the newest result applied so far. First set a `checked_at` of the future to now.
bool apply_health(Proxy& proxy, const HealthCheckResult& result, std::optional<Timestamp> last_checked_at);

}  // namespace rules
}  // namespace pharox
