#include "pharox/sqlite/storage.hpp"

#include <charconv>

#include "catalog.hpp"
#include "leasing.hpp"
#include "pharox/errors.hpp"

namespace pharox::sqlite {

namespace {

constexpr Duration least_retention = std::chrono::minutes(10);
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
    if (options.retention < least_retention) {
        throw ValidationError("retention_ms", std::to_string(options.retention.count()),
                              "is below 600000 (10 minutes)");
    }
    if (options.clock == nullptr) throw ValidationError("clock", {}, "is null");
    return options;
}

class SqliteStorage final : public IStorage {
  public:
    explicit SqliteStorage(Options options)
        : database_(std::move(options)), leasing_(database_, reports_), catalog_(database_, reports_) {}

    FindResult find_available_proxy(const FindRequest& request) override {
        validate(request);
        return leasing_.find(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        validate(request);
        return leasing_.create_lease(request);
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        validate(request);
        return catalog_.ensure_consumer(request.name);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override { return leasing_.release(request); }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return leasing_.cleanup(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        validate_text("pool", request.pool, max_name_bytes);
        return leasing_.pool_stats(request);
    }
    AcquireResult acquire(const AcquireRequest& request) override {
        validate(request);
        return leasing_.acquire(request);
    }
    ICatalog* catalog() override { return &catalog_; }
    ILeaseControl* lease_control() override { return &leasing_; }

  private:
    Database database_;
    ExpiryReports reports_;
    Leasing leasing_;
    Catalog catalog_;
};

Durability parse_durability(const std::string& text) {
    if (text == "process") return Durability::process;
    if (text == "power") return Durability::power;
    throw ValidationError("durability", text, "is neither process nor power");
}

Duration parse_milliseconds(const std::string& key, const std::string& text) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw ValidationError(key, text, "is not a whole number of milliseconds");
    }
    return Duration(count);
}

/// `//` before an absolute path is the empty authority of a URL.
std::filesystem::path path_of(const StorageUrl& url) {
    const std::string_view rest = url.rest;
    if (!rest.starts_with("//")) return rest;
    if (!rest.starts_with("///")) {
        throw ValidationError("storage", rest,
                              "names a host: write sqlite:relative.db or sqlite:///absolute.db");
    }
    return rest.substr(2);
}

}  // namespace

std::shared_ptr<IStorage> make_storage(Options options) {
    return std::make_shared<SqliteStorage>(validated(std::move(options)));
}

void register_sqlite(StorageRegistry& registry) {
    registry.add("sqlite", [](const StorageUrl& url) -> std::shared_ptr<IStorage> {
        Options options{.path = path_of(url)};
        for (const auto& [key, value] : url.options) {
            if (key == "durability") {
                options.durability = parse_durability(value);
            } else if (key == "busy_timeout_ms") {
                options.busy_timeout = parse_milliseconds(key, value);
            } else {
                throw ValidationError("storage", key,
                                      "is not an option of sqlite: use durability or busy_timeout_ms");
            }
        }
        return make_storage(std::move(options));
    });
}

}  // namespace pharox::sqlite
