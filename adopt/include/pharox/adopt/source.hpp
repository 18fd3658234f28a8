// What a database of the Python package `pharox` contains, before it is checked: that package accepts values
// that this library does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/model/id.hpp"
#include "pharox/model/time.hpp"

namespace pharox::adopt {

struct SourcePool {
    PoolId id{};
    std::string name;
    std::optional<std::string> description{};
};

struct SourceConsumer {
    ConsumerId id{};
    std::string name;
};

struct SourceProxy {
    ProxyId id{};
    PoolId pool_id{};
    std::string host;
    std::int64_t port = 0;
    std::string protocol;
    std::string status;
    Timestamp checked_at{};
    bool has_credentials = false;
    std::string user;
    std::string password;
    std::optional<std::string> source{}, country{}, city{}, isp{};
    std::optional<std::int64_t> asn{};
    std::optional<double> latitude{}, longitude{};
    std::optional<std::int64_t> max_concurrency{};
    std::optional<double> latency_ms{};
};

/// A lease that has neither been released nor expired.
struct SourceLease {
    LeaseId id{};
    ProxyId proxy_id{};
    ConsumerId consumer_id{};
    Timestamp acquired_at{};
    Duration remaining{};  ///< by the source's clock, when the snapshot was taken
};

struct SourceRecord {
    RecordId id{};
    ProxyId proxy_id{};
    Timestamp checked_at{};
    bool reachable = false;
    std::optional<double> latency_ms{};
    std::string protocol;
    std::optional<std::string> status_before{};
    std::string status_after;
    std::optional<std::string> error{};
};

/// One consistent snapshot of the database, which reading does not change. All functions throw StorageError.
class ISource {
  public:
    virtual ~ISource() = default;

    /// When the snapshot was taken.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point taken_at() const = 0;
    /// The versions whose schema it has, for people: `0.9 or 0.10`.
    [[nodiscard]] virtual std::string versions() const = 0;
    virtual std::vector<SourcePool> pools() = 0;
    virtual std::vector<SourceConsumer> consumers() = 0;
    /// Proxies with open leases first, then in the order in which they were created.
    virtual std::vector<SourceProxy> proxies() = 0;
    virtual std::vector<SourceLease> open_leases() = 0;
    /// The number of leases that have ended; they are not read.
    virtual std::int64_t ended_leases() = 0;
    /// Calls `use` for the newest `per_proxy` records of each proxy.
    virtual void for_each_health_record(std::int64_t per_proxy,
                                        const std::function<void(const SourceRecord&)>& use) = 0;
};

/// Connects to the PostgreSQL database and takes a snapshot (READ ONLY, REPEATABLE READ). `url` is
/// `postgresql://…`, or one of SQLAlchemy, `postgresql+psycopg://…`. Throws ValidationError if it is neither,
/// StorageError if the database cannot be read or is not one of that package, UnsupportedError if this
/// program was built without PostgreSQL.
std::unique_ptr<ISource> open_source(const std::string& url);

}  // namespace pharox::adopt
