// Results of health checks. They need not survive a power cut: the next checks repeat them.
#pragma once

#include "database.hpp"
#include "pharox/storage/health_log.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class HealthLog final : public IHealthLog {
  public:
    explicit HealthLog(Database& database) : database_(database) {}

    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override;
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override;
    void save_health_record(const ProxyHealthRecord& record) override;
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override;

  private:
    Database& database_;
};

/// Deletes up to `limit` records that are older than the retention, and returns how many.
std::int64_t prune_health_records(WriteTransaction& transaction, int limit);

}  // namespace pharox::sqlite
