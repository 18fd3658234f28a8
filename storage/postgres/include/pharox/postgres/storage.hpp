// Pools, proxies and leases in PostgreSQL 12 or newer: one pool for a fleet of machines, one round trip a
// lease.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/selector.hpp"
#include "pharox/storage/registry.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace postgres {

/// What make_storage() does about an empty or older schema.
enum class Migrations : std::uint8_t {
    apply,   ///< brings it up to date: needs the rights of the schema's owner
    expect,  ///< refuses it (StorageError): the role needs no more than docs/how-to/postgres-adapter.md
             ///< grants
};

/// Prepared statements survive neither PgBouncer's transaction mode nor other poolers.
enum class Prepared : std::uint8_t {
    detect,  ///< prepared unless a pooler is found between us and the server
    always,
    never,
};

struct Options {
    /// A libpq URL (`postgresql://user@host/db?sslmode=verify-full`) or keywords (`host=… dbname=…`). What it
    /// leaves out comes from libpq's environment variables, service and password files.
    std::string connection;
    /// Holds everything of ours: a lower-case name of letters, digits and _.
    std::string schema = "pharox";
    Migrations migrations = Migrations::apply;
    Prepared prepared = Prepared::detect;
    /// Connections are opened as they are needed, and never more than this. 1 to 1,000.
    std::size_t max_connections = 8;
    /// How long a call may wait for one of them.
    Duration connection_wait = std::chrono::seconds(10);
    /// How long one attempt to connect may take.
    Duration connect_timeout = std::chrono::seconds(5);
    /// How long one statement may take; after that the connection is given up. Copying in bulk may take ten
    /// times as long.
    Duration statement_timeout = std::chrono::seconds(30);
    /// How long a call that may be repeated goes on trying while the server cannot be reached.
    Duration recovery_time = std::chrono::seconds(10);
    /// Who waits for a proxy is told by the server of what other processes free; how often it looks besides,
    /// for what nobody tells. Where it cannot be told, as behind a pooler, it looks every 2 to 50 ms instead.
    Duration look_interval = std::chrono::seconds(1);
    /// How long a lease that ended is remembered, for repeats of its id. 10 minutes to 10 years.
    Duration retention = std::chrono::hours(1);
    /// How long (to 10 years), and how many for each proxy (to 1,000,000), health records are kept.
    Duration health_retention = std::chrono::days(7);
    std::size_t health_records_per_proxy = 1'000;
    /// A transaction that somebody left open in our database is worth a warning when it is older than this.
    /// It is noticed by ping(), and now and then by releases and cleanups.
    Duration transaction_warning = std::chrono::minutes(5);
    /// Told what an operator should know, from the thread that noticed it. Never holds a password.
    std::function<void(std::string_view)> warn{};
};

/// Connects, and sees to the schema. Has every capability. Thread-safe; the server's clock decides. Throws
/// ValidationError for wrong options; StorageError where the server cannot be reached, is too old, or has a
/// newer schema than this version knows.
std::shared_ptr<IStorage> make_storage(Options options);

/// `postgres://…` and `postgresql://…`, as libpq reads them, or `postgres:` for its environment variables
/// alone; with our own options beside libpq's: schema, migrations=apply|expect,
/// prepared=detect|always|never, max_connections, connection_wait_ms, connect_timeout_ms,
/// statement_timeout_ms, recovery_time_ms, look_interval_ms, transaction_warning_ms, retention_ms,
/// health_retention_ms, health_records_per_proxy.
void register_postgres(StorageRegistry& registry);
/// What such a URL says. Throws ValidationError.
Options options_of(const StorageUrl& url);

// ---- For operators

struct MigrationPlan {
    int from = 0;     ///< the schema's version; 0 where there is none
    int to = 0;       ///< the version that this pharox needs
    std::string sql;  ///< what leads from one to the other; empty where nothing is to be done
};
/// What migrate() would do; changes nothing. Throws StorageError for a newer schema than this version knows.
MigrationPlan plan_migration(const Options& options);
/// Brings the schema up to date, in one transaction. Any number of processes may do it at once.
MigrationPlan migrate(const Options& options);

/// The statement that makes acquires by `selector` cheap in large pools; `attribute` (country, source, asn,
/// protocol, city or isp) is for those that ask for one value of it. docs/how-to/postgres-adapter.md says
/// which there are already, which others to add, and what they cost. Run it outside of transactions.
std::string index_statement(Selector selector, std::string_view attribute = {},
                            std::string_view schema = "pharox");

}  // namespace postgres
}  // namespace pharox
