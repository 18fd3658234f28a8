// What health checks find: sql/health.sql.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "database.hpp"
#include "pharox/storage/health_log.hpp"

namespace pharox::postgres {

/// Thread-safe.
class HealthLog final : public IHealthLog {
  public:
    /// `on_available` is called when something may have become available in the pool.
    HealthLog(Database& database, std::function<void(std::string_view pool)> on_available)
        : database_(database), on_available_(std::move(on_available)) {}

    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override;
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override;
    void save_health_record(const ProxyHealthRecord& record) override;
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override;

  private:
    Database& database_;
    std::function<void(std::string_view pool)> on_available_;
};

}  // namespace pharox::postgres
