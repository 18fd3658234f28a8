// A capability: results of health checks.
#pragma once

#include <optional>
#include <vector>

#include "pharox/model/health.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct ListHealthRecordsRequest {
    ProxyId proxy_id{};
    std::size_t limit = 100;  ///< 1 to 10,000
};

/// Records are deleted after a configured time, beyond a configured number, and with their proxy.
class IHealthLog {
  public:
    virtual ~IHealthLog() = default;

    /// Copies status and checked_at, and the latency of a reachable check, to the proxy; stores the result as
    /// the last one. A result older than the stored one changes nothing; one from the future is treated as if
    /// made now; `banned` stays. Returns the proxy as it now is; nothing if it is unknown.
    virtual std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) = 0;
    /// The last result; nothing if the proxy was never checked or is unknown.
    virtual std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) = 0;
    /// Stores a record. Throws ProxyNotFoundError, and ConflictError if its id exists.
    virtual void save_health_record(const ProxyHealthRecord& record) = 0;
    /// Returns records, newest first.
    virtual std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) = 0;
};

/// Throws ValidationError.
void validate(const ListHealthRecordsRequest& request);

}  // namespace pharox
