#include "pharox/postgres/storage.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "acquirer.hpp"
#include "catalog.hpp"
#include "catalog_statements.hpp"
#include "finder.hpp"
#include "health_log.hpp"
#include "lease_control.hpp"
#include "maintenance.hpp"
#include "pharox/errors.hpp"
#include "pharox/rules/requests.hpp"
#include "pharox/rules/retention.hpp"
#include "pool_notifications.hpp"
#include "schema.hpp"

namespace pharox::postgres {

namespace {

constexpr std::size_t most_connections = 1'000;

void check_duration(const char* field, Duration value) {
    if (value < Duration(1) || value > std::chrono::hours(24)) {
        throw ValidationError(field, std::to_string(value.count()),
                              "is not between 1 and 86400000 (24 hours)");
    }
}

Options validated(Options options) {
    check_connection(options.connection);
    check_schema_name(options.schema);
    if (options.max_connections < 1 || options.max_connections > most_connections) {
        throw ValidationError("max_connections", std::to_string(options.max_connections),
                              "is not between 1 and 1000");
    }
    check_duration("connection_wait_ms", options.connection_wait);
    check_duration("connect_timeout_ms", options.connect_timeout);
    check_duration("statement_timeout_ms", options.statement_timeout);
    check_duration("recovery_time_ms", options.recovery_time);
    check_duration("poll_interval_ms", options.poll_interval);
    check_duration("transaction_warning_ms", options.transaction_warning);
    rules::check_retention(options.retention, options.health_retention, options.health_records_per_proxy);
    return options;
}

class PostgresStorage : public IStorage {
  public:
    explicit PostgresStorage(Options options)
        : database_(std::move(options)),
          notifications_(database_),
          watch_({.poll_interval = database_.options().poll_interval}, notifications_,
                 {.on_available = [this](std::string_view pool) { became_available(pool); },
                  .warn = [this](std::string_view message) { database_.warn(message); }}),
          statements_(database_),
          sort_keys_(database_),
          collector_(database_, reports_, [this](std::string_view pool) { became_available(pool); }),
          batches_(database_, statements_, spreading_),
          acquirer_(database_, reports_, watch_, statements_, spreading_, batches_, sort_keys_, collector_),
          finder_(database_, reports_, statements_, sort_keys_, collector_),
          releaser_(database_, batches_, spreading_, collector_,
                    [this](std::string_view pool) { became_available(pool); }),
          lease_control_(database_, releaser_),
          catalog_store_(database_, [this](std::string_view pool) { became_available(pool); }),
          catalog_(catalog_store_, reports_),
          health_log_(database_, [this](std::string_view pool) { became_available(pool); }),
          maintenance_(database_, [this] { became_available(); }) {
        if (database_.options().migrations == Migrations::apply) {
            migrate(database_);
        } else {
            expect_schema(database_);
        }
        set_pool_watch(watch_);
    }

    FindResult find_available_proxy(const FindRequest& request) override {
        validate(request);
        return finder_.find(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return acquirer_.create_lease(*rules::Normalised(request));
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        validate(request);
        return catalog_.ensure_consumer(request.name);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override { return releaser_.release(request); }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return collector_.cleanup(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        validate_text("pool", request.pool, max_name_bytes);
        return lease_control_.pool_stats(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override {
        return acquirer_.acquire(*rules::Normalised(request));
    }
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        validate(request);
        if (has_waiters(request.each.pool)) return IStorage::acquire_many(request);
        AcquireRequest each = request.each;
        rules::fill_in_defaults(each);
        AcquireManyResult result = acquirer_.acquire_batch(request, each);
        if (result.leased.size() == request.count) return result;
        try {
            add_rest(request, result);
        } catch (...) {
            const std::exception_ptr error = std::current_exception();
            release_quietly(result.leased);
            std::rethrow_exception(error);
        }
        return result;
    }
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override {
        if (requests.empty()) return {};
        return releaser_.release_many(requests);
    }
    ICatalog* catalog() override { return &catalog_; }
    ILeaseControl* lease_control() override { return &lease_control_; }
    IHealthLog* health_log() override { return &health_log_; }
    IMaintenance* maintenance() override { return &maintenance_; }

  private:
    /// Releases leases that no caller receives. If a release fails, the lease ends by expiry.
    void release_quietly(const std::vector<LeasedProxy>& leased) noexcept {
        try {
            std::vector<ReleaseRequest> unwanted;
            for (const LeasedProxy& one : leased) unwanted.push_back({.lease_id = one.lease().id});
            releaser_.release_many(unwanted);
        } catch (const std::exception& error) {
            database_.warn(error.what());
        }
    }
    /// One by one.
    void add_rest(const AcquireManyRequest& request, AcquireManyResult& result) {
        AcquireManyRequest rest = request;
        rest.count -= result.leased.size();
        for (const LeasedProxy& leased : result.leased) {
            std::erase(rest.lease_ids, leased.lease().id);
            if (request.distinct) rest.each.filters.exclude.push_back(leased.proxy().id);
        }
        AcquireManyResult more = IStorage::acquire_many(rest);
        result.leased.insert(result.leased.end(), more.leased.begin(), more.leased.end());
        result.expired.insert(result.expired.end(), more.expired.begin(), more.expired.end());
        result.miss = more.miss;
        sort_as_asked(request.lease_ids, result.leased);
    }
    /// In the order of the given lease ids: a repeated id is answered after the new ones.
    static void sort_as_asked(const std::vector<LeaseId>& ids, std::vector<LeasedProxy>& leased) {
        std::map<LeaseId, std::size_t> position;
        for (const LeaseId& id : ids) position.emplace(id, position.size());
        if (position.empty()) return;
        std::ranges::sort(leased, {}, [&](const LeasedProxy& one) { return position.at(one.lease().id); });
    }

    Database database_;
    ExpiryReports reports_;
    PoolNotifications notifications_;
    serverkit::AvailabilityWatch watch_;
    PickStatements statements_;
    SortKeyBackfill sort_keys_;
    ContentionSpreading spreading_;
    ExpiryCollector collector_;
    LeaseBatches batches_;
    Acquirer acquirer_;
    Finder finder_;
    Releaser releaser_;
    LeaseControl lease_control_;
    CatalogStore catalog_store_;
    sqlkit::Catalog catalog_;
    HealthLog health_log_;
    Maintenance maintenance_;
};

}  // namespace

std::shared_ptr<IStorage> make_storage(Options options) {
    return std::make_shared<Sealed<PostgresStorage>>(validated(std::move(options)));
}

MigrationPlan plan_migration(const Options& options) {
    Database database(validated(options));
    return plan_migration(database);
}

MigrationPlan migrate(const Options& options) {
    Database database(validated(options));
    return migrate(database);
}

void register_postgres(StorageRegistry& registry) {
    for (const char* scheme : {"postgres", "postgresql"}) {
        registry.add(scheme, [](const StorageUrl& url) -> std::shared_ptr<IStorage> {
            return make_storage(options_of(url));
        });
    }
}

}  // namespace pharox::postgres
