// A capability: what health checks found.
#pragma once

#include <optional>
#include <vector>

#include "pharox/model/health.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct ListHealthRecordsRequest {
    ProxyId proxy_id{};
    std::size_t limit = 100;  ///< 1 to 10,000
};

/// Records are kept for a configured time and number, then pruned, and go with their proxy.
class IHealthLog {
  public:
    virtual ~IHealthLog() = default;

    /// Takes status and checked_at, and of a reachable check the latency, over to the proxy; remembers the
    /// whole result as the last one. A result older than the stored one changes nothing; one from the future
    /// counts as now; `banned` stays. Returns the proxy as it now is; nothing for an unknown one.
    virtual std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) = 0;
    /// Nothing where the proxy was never checked or is unknown.
    virtual std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) = 0;
    /// Keeps an observation. Throws ProxyNotFoundError, ConflictError where the id is taken.
    virtual void save_health_record(const ProxyHealthRecord& record) = 0;
    /// Newest first.
    virtual std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) = 0;
};

/// Throws ValidationError.
void validate(const ListHealthRecordsRequest& request);

}  // namespace pharox
