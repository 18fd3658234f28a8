#include "pharox/sqlite/storage.hpp"

#include "catalog.hpp"
#include "catalog_statements.hpp"
#include "health.hpp"
#include "lease_statements.hpp"
#include "leasing.hpp"
#include "maintenance.hpp"
#include "pharox/errors.hpp"
#include "pharox/rules/requests.hpp"
#include "pharox/rules/retention.hpp"
#include "pharox/rules/url_options.hpp"
#include "pharox/sqlite/file.hpp"
#include "pool_removal.hpp"
#include "proxy_import.hpp"

namespace pharox::sqlite {

namespace {

constexpr Duration longest_busy_timeout = std::chrono::hours(1);

Options validated(Options options) {
    const std::string path = options.path.string();
    if (path.empty()) throw ValidationError("path", path, "is empty");
    if (path.find('\0') != std::string::npos) throw ValidationError("path", path, "holds a NUL");
    if (options.durability > Durability::power) {
        throw ValidationError("durability", std::to_string(static_cast<int>(options.durability)),
                              "is neither process nor power");
    }
    if (options.busy_timeout < Duration(0) || options.busy_timeout > longest_busy_timeout) {
        throw ValidationError("busy_timeout_ms", std::to_string(options.busy_timeout.count()),
                              "is not between 0 and 3600000 (1 hour)");
    }
    rules::check_retention(options.retention, options.health_retention, options.health_records_per_proxy);
    if (options.clock == nullptr) throw ValidationError("clock", {}, "is null");
    return options;
}

class SqliteStorage : public IStorage {
  public:
    template <class... Source>
    explicit SqliteStorage(Options options, Source... source)
        : database_(
              std::move(options), [this](std::string_view pool) { became_available(pool); },
              std::move(source)...),
          leases_(database_),
          leasing_(leases_, reports_),
          catalog_store_(database_),
          catalog_(catalog_store_, reports_),
          health_log_(database_),
          maintenance_(database_) {
        settle_long_writes();
    }

    FindResult find_available_proxy(const FindRequest& request) override {
        validate(request);
        return leasing_.find(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return leasing_.create_lease(*rules::Normalised(request));
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        validate(request);
        return catalog_.ensure_consumer(request.name);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override { return leasing_.release(request); }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        settle_long_writes();
        return leasing_.cleanup(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        validate_text("pool", request.pool, max_name_bytes);
        return leasing_.pool_stats(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override {
        return leasing_.acquire(*rules::Normalised(request));
    }
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        validate(request);
        if (!has_waiters(request.each.pool)) {
            if (auto result = leasing_.acquire_many(request)) return *std::move(result);
        }
        return IStorage::acquire_many(request);
    }
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override {
        return leasing_.release_many(requests);
    }
    ICatalog* catalog() override { return &catalog_; }
    ILeaseControl* lease_control() override { return &leasing_; }
    IHealthLog* health_log() override { return &health_log_; }
    IMaintenance* maintenance() override { return &maintenance_; }

  private:
    /// Of processes that have ended.
    void settle_long_writes() {
        ProxyImport(database_).recover();
        delete_proxies_of_removed_pools(database_);
    }

    Database database_;
    sqlkit::ExpiryReports reports_;
    LeaseStore leases_;
    sqlkit::Leasing leasing_;
    CatalogStore catalog_store_;
    sqlkit::Catalog catalog_;
    HealthLog health_log_;
    Maintenance maintenance_;
};

}  // namespace

std::shared_ptr<IStorage> make_storage(Options options) {
    return std::make_shared<Sealed<SqliteStorage>>(validated(std::move(options)));
}

std::shared_ptr<IStorage> make_storage(Options options, TimeSource source) {
    return std::make_shared<Sealed<SqliteStorage>>(validated(std::move(options)),
                                                   std::optional(std::move(source)));
}

void register_sqlite(StorageRegistry& registry) {
    registry.add("sqlite", [](const StorageUrl& url) -> std::shared_ptr<IStorage> {
        Options options{.path = path_of(url)};
        rules::UrlOptions("sqlite")
            .choice("durability", options.durability,
                    {{"process", Durability::process}, {"power", Durability::power}})
            .milliseconds("busy_timeout_ms", options.busy_timeout)
            .retention(options)
            .set_all(url);
        return make_storage(std::move(options));
    });
}

}  // namespace pharox::sqlite
