// The PostgreSQL adapter: pools, proxies and leases in PostgreSQL 12 or newer, shared by a fleet of machines;
// one round trip per lease.
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

/// How make_storage() treats an empty or older schema.
enum class Migrations : std::uint8_t {
    apply,   ///< migrates it; needs the privileges of the schema's owner
    expect,  ///< refuses it (StorageError): the role needs no more than docs/how-to/postgres-adapter.md
             ///< grants
};

/// PgBouncer's transaction mode, and other poolers, do not support prepared statements.
enum class Prepared : std::uint8_t {
    detect,  ///< prepared unless a pooler is detected between client and server
    always,
    never,
};

struct Options {
    /// A libpq URL (`postgresql://user@host/db?sslmode=verify-full`) or keywords (`host=… dbname=…`). libpq's
    /// environment variables, service and password files supply omitted values.
    std::string connection;
    /// The schema of all objects of this adapter: a lower-case name of letters, digits and _.
    std::string schema = "pharox";
    Migrations migrations = Migrations::apply;
    Prepared prepared = Prepared::detect;
    /// The maximum number of connections, which are opened on demand. 1 to 1,000.
    std::size_t max_connections = 8;
    /// How long a call may wait for a connection.
    Duration connection_wait = std::chrono::seconds(10);
    /// How long one attempt to connect may take.
    Duration connect_timeout = std::chrono::seconds(5);
    /// How long one statement may take; then the connection is abandoned. Bulk copies may take ten times as
    /// long.
    Duration statement_timeout = std::chrono::seconds(30);
    /// How long an idempotent call is retried while the server cannot be reached.
    Duration recovery_time = std::chrono::seconds(10);
    /// How often waiters poll although the server notifies them, for changes without a notification. Where
    /// notification does not work, as behind a pooler, they poll every 2 to 50 ms instead.
    Duration poll_interval = std::chrono::seconds(1);
    /// How long an ended lease is kept, to recognise a repeated id. 10 minutes to 10 years.
    Duration retention = std::chrono::hours(1);
    /// How long (to 10 years), and how many for each proxy (to 1,000,000), health records are kept.
    Duration health_retention = std::chrono::days(7);
    std::size_t health_records_per_proxy = 1'000;
    /// The age at which an open transaction of any role in this database causes a warning. ping() checks it,
    /// and some releases and cleanups.
    Duration transaction_warning = std::chrono::minutes(5);
    /// Receives warnings for operators, in the thread that detected them. They never contain a password.
    std::function<void(std::string_view)> warn{};
};

/// Connects, and migrates or checks the schema. Has every capability. Thread-safe; times are the server's.
/// Throws ValidationError for invalid options; StorageError if the server cannot be reached, is too old, or
/// has a newer schema than this version supports.
std::shared_ptr<IStorage> make_storage(Options options);

/// `postgres://…` and `postgresql://…`, as libpq reads them, or `postgres:` for only its environment
/// variables; with these options besides libpq's: schema, migrations=apply|expect,
/// prepared=detect|always|never, max_connections, connection_wait_ms, connect_timeout_ms,
/// statement_timeout_ms, recovery_time_ms, poll_interval_ms, transaction_warning_ms, retention_ms,
/// health_retention_ms, health_records_per_proxy.
void register_postgres(StorageRegistry& registry);
/// Parses such a URL. Throws ValidationError.
Options options_of(const StorageUrl& url);

/// Throws ValidationError if libpq cannot read the connection URL or keywords, or if it would take a part of
/// an unencoded password for the host or the port. The text is not shown, because it may contain a password.
void check_connection(const std::string& connection);

// ---- For operators

struct MigrationPlan {
    int from = 0;     ///< the schema's version; 0 if there is none
    int to = 0;       ///< the version that this pharox needs
    std::string sql;  ///< the SQL from one to the other; empty if there is nothing to do
};
/// Returns what migrate() would do. Throws StorageError for a newer schema than this version supports.
MigrationPlan plan_migration(const Options& options);
/// Migrates the schema in one transaction. Any number of processes may do it concurrently.
MigrationPlan migrate(const Options& options);

/// The statement that creates an index for acquires by `selector` in large pools; `attribute` (country,
/// source, asn, protocol, city or isp) is for requests with one value of it. docs/how-to/postgres-adapter.md
/// lists existing indexes, useful further ones, and their cost. Run it outside of transactions.
std::string index_statement(Selector selector, std::string_view attribute = {},
                            std::string_view schema = "pharox");

}  // namespace postgres
}  // namespace pharox
