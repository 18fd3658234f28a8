// Wrong health logs, audits and retention.
#include <algorithm>

#include "pharox/storage/health_log.hpp"
#include "pharox/storage/maintenance.hpp"
#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

class SpoiltHealth : public SpoiltElsewhere, public IHealthLog {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    IHealthLog* health_log() override { return this; }
    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override {
        return log().apply_health_check_result(result);
    }
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override {
        return log().get_last_health_result(proxy);
    }
    void save_health_record(const ProxyHealthRecord& record) override { log().save_health_record(record); }
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override {
        return log().list_health_records(request);
    }

  protected:
    [[nodiscard]] IHealthLog& log() const { return *inner().health_log(); }
};

class OldChecksAreTaken : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override {
        auto fresh = result;
        if (const auto last = log().get_last_health_result(result.proxy_id)) {
            fresh.checked_at = std::max(fresh.checked_at, last->checked_at);
        }
        return log().apply_health_check_result(fresh);
    }
};

class ChecksOfTheSameMomentAreOld : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override {
        const auto last = log().get_last_health_result(result.proxy_id);
        if (last && last->checked_at == result.checked_at) {
            return inner().catalog()->get_proxy(result.proxy_id);
        }
        return log().apply_health_check_result(result);
    }
};

class ChecksLiftBans : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override {
        auto after = log().apply_health_check_result(result);
        if (after && after->status != result.status) {
            after->status = result.status;
            inner().catalog()->update_proxy(*after);
        }
        return after;
    }
};

/// The time to a refusal is taken for a latency.
class UnreachableHasALatency : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::optional<Proxy> apply_health_check_result(const HealthCheckResult& result) override {
        auto after = log().apply_health_check_result(result);
        if (after && result.latency_ms && after->latency_ms != result.latency_ms) {
            after->latency_ms = result.latency_ms;
            inner().catalog()->update_proxy(*after);
        }
        return after;
    }
};

class RecordsComeOldestFirst : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::vector<ProxyHealthRecord> list_health_records(const ListHealthRecordsRequest& request) override {
        auto records = log().list_health_records(request);
        std::reverse(records.begin(), records.end());
        return records;
    }
};

class RecordsOfUnknownProxies : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    void save_health_record(const ProxyHealthRecord& record) override {
        if (inner().catalog()->get_proxy(record.proxy_id)) {
            log().save_health_record(record);
        }
    }
};

class LastResultLosesItsError : public SpoiltHealth {
  public:
    using SpoiltHealth::SpoiltHealth;
    std::optional<HealthCheckResult> get_last_health_result(ProxyId proxy) override {
        auto last = log().get_last_health_result(proxy);
        if (last) {
            last->error_message = std::nullopt;
        }
        return last;
    }
};

class SpoiltMaintenance : public SpoiltElsewhere, public IMaintenance {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    IMaintenance* maintenance() override { return this; }
    void ping() override { inner().maintenance()->ping(); }
    AuditResult audit() override { return inner().maintenance()->audit(); }
    AuditResult repair() override { return inner().maintenance()->repair(); }
};

/// Expired leases that were not collected are counted as active.
class AuditCountsWhatEnded : public SpoiltMaintenance {
  public:
    using SpoiltMaintenance::SpoiltMaintenance;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        ++made_;
        return inner().create_lease(request);
    }
    AuditResult audit() override {
        auto result = inner().maintenance()->audit();
        result.leases = made_;
        return result;
    }

  private:
    std::int64_t made_ = 0;
};

class PingFails : public SpoiltMaintenance {
  public:
    using SpoiltMaintenance::SpoiltMaintenance;
    void ping() override { throw StorageError({.store = "spoilt", .operation = "ping"}, "who knows"); }
};

class EndedLeasesAreForgottenSoon : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        auto result = inner().release_lease(request);
        if (result.lease && result.lease->released_at.value_or(clock_->now()) + 9min < clock_->now()) {
            result.lease = std::nullopt;
        }
        return result;
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_upkeep() {
    PlantedBug nothing_is_forgotten{.name = "NothingIsForgotten",
                                    .caught_by = {"ended_leases_are_forgotten"},
                                    .store = spoilt_store([](const Setup& setup) {
                                        return std::make_shared<InMemoryStorage>(InMemoryOptions{
                                            .clock = setup.clock, .retention = std::chrono::hours(1'000)});
                                    })};
    PlantedBug records_grow{.name = "RecordsGrow",
                            .caught_by = {"records_are_bounded"},
                            .store = spoilt_store([](const Setup& setup) {
                                return std::make_shared<InMemoryStorage>(InMemoryOptions{
                                    .clock = setup.clock, .health_records_per_proxy = 100'000});
                            })};
    PlantedBug leases_pile_up{.name = "EndedLeasesPileUp",
                              .caught_by = {"ended_leases_are_bounded"},
                              .store = spoilt_store([](const Setup& setup) {
                                  return std::make_shared<InMemoryStorage>(
                                      InMemoryOptions{.clock = setup.clock, .retained_leases = 100'000});
                              })};
    PlantedBug old_records_stay{.name = "OldRecordsStay",
                                .caught_by = {"old_records_are_forgotten"},
                                .store = spoilt_store([](const Setup& setup) {
                                    return std::make_shared<InMemoryStorage>(InMemoryOptions{
                                        .clock = setup.clock, .health_retention = std::chrono::days(7)});
                                })};
    return {
        plant<OldChecksAreTaken>("OldChecksAreTaken",
                                 {"answers_are_the_models", "old_check_changes_nothing"}),
        plant<ChecksOfTheSameMomentAreOld>("ChecksOfTheSameMomentAreOld", {"old_check_changes_nothing"}),
        plant<ChecksLiftBans>("ChecksLiftBans", {"answers_are_the_models", "banned_stays_banned"}),
        plant<UnreachableHasALatency>("UnreachableHasALatency",
                                      {"answers_are_the_models", "check_is_taken_over"}),
        plant<RecordsComeOldestFirst>("RecordsComeOldestFirst",
                                      {"answers_are_the_models", "records_come_newest_first"}),
        plant<RecordsOfUnknownProxies>("RecordsOfUnknownProxies",
                                       {"answers_are_the_models", "unknown_proxy_has_no_health"}),
        plant<LastResultLosesItsError>("LastResultLosesItsError",
                                       {"answers_are_the_models", "last_result_comes_back_whole"}),
        plant<AuditCountsWhatEnded>("AuditCountsWhatEnded",
                                    {"answers_are_the_models", "audit_of_a_sound_store"}),
        plant<PingFails>("PingFails", {"answers_are_the_models", "ping_is_silent"}),
        plant<EndedLeasesAreForgottenSoon>("EndedLeasesAreForgottenSoon",
                                           {"ended_leases_are_remembered_for_a_while"}),
        std::move(nothing_is_forgotten),
        std::move(records_grow),
        std::move(leases_pile_up),
        std::move(old_records_stay),
    };
}

}  // namespace pharox::testkit
