#include "migrations.hpp"

#include <array>

#include "pharox/errors.hpp"

namespace pharox::sqlite {

namespace {

constexpr std::int64_t application_id = 0x50486158;  // "PHaX", in the file's header

/// `status`, `protocol` and `reason` hold the values of core's enumerations; times are microseconds since
/// 1970.
///
/// Statements that change a value on which has_room depends write has_room too, and a CHECK compares it: with
/// a generated column each lease would rewrite the row in every index, although has_room rarely changes.
constexpr auto first_schema = R"sql(
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    now INTEGER NOT NULL,   -- the latest time that a write went by: the store's clock never runs backwards
    mark INTEGER NOT NULL   -- the latest use mark
) STRICT;
INSERT INTO state (id, now, mark) VALUES (1, 0, 0);

CREATE TABLE pool (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    metadata TEXT,
    random_high REAL NOT NULL DEFAULT 0,    -- the largest key that a random pick has found
    weighted_high REAL NOT NULL DEFAULT 0,
    largest_weight REAL NOT NULL DEFAULT 0  -- that any proxy ever had here: the unit of the weighted keys
) STRICT, WITHOUT ROWID;

CREATE TABLE consumer (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE proxy (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    pool_id BLOB NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    status INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    user TEXT,
    password TEXT,
    template INTEGER,
    source TEXT,
    country TEXT,
    city TEXT,
    isp TEXT,
    asn INTEGER,
    latitude REAL,
    longitude REAL,
    latency_ms REAL,
    max_concurrency INTEGER,
    weight REAL NOT NULL,
    tags BLOB,
    metadata TEXT,
    identity TEXT NOT NULL,
    current_leases INTEGER NOT NULL CHECK (current_leases >= 0),
    mark INTEGER NOT NULL,
    fencing INTEGER NOT NULL,
    has_room INTEGER NOT NULL,
    random_key REAL NOT NULL,
    weighted_key REAL NOT NULL,
    latency_rank REAL NOT NULL GENERATED ALWAYS AS (ifnull(latency_ms, 9e999)) VIRTUAL,
    UNIQUE (pool_id, identity),
    CHECK (has_room = (status = 0 AND (max_concurrency IS NULL OR current_leases < max_concurrency)))
) STRICT;
CREATE UNIQUE INDEX proxy_pool ON proxy (pool_id, id);
CREATE INDEX proxy_first_available ON proxy (pool_id, checked_at DESC, id) WHERE has_room = 1;

CREATE TABLE lease (
    id BLOB NOT NULL PRIMARY KEY,
    proxy_id BLOB NOT NULL,
    consumer_id BLOB NOT NULL,
    pool_id BLOB NOT NULL,
    pool_name TEXT NOT NULL,
    status INTEGER NOT NULL,
    acquired_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    released_at INTEGER,
    reason INTEGER,
    fencing INTEGER NOT NULL,
    metadata TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_due ON lease (expires_at) WHERE status = 0;
CREATE INDEX lease_ended ON lease (released_at) WHERE status = 1;
)sql";

/// Tenure, health, and the number of ended leases: counting them each time would take longer the more are
/// kept.
constexpr auto second_schema = R"sql(
ALTER TABLE lease ADD COLUMN tenure_ends_at INTEGER;
ALTER TABLE state ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;  -- rows of lease with status 1
UPDATE state SET ended = (SELECT count(*) FROM lease WHERE status = 1);

CREATE TABLE health_result (  -- the latest of each proxy
    proxy_id BLOB NOT NULL PRIMARY KEY,
    status INTEGER NOT NULL,
    latency_ms REAL,
    protocol INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    status_code INTEGER,
    checked_at INTEGER NOT NULL,
    failure INTEGER,
    error_message TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE health_record (
    id BLOB NOT NULL PRIMARY KEY,
    proxy_id BLOB NOT NULL,
    checked_at INTEGER NOT NULL,
    reachable INTEGER NOT NULL,
    latency_ms REAL,
    protocol INTEGER NOT NULL,
    status_before INTEGER,
    status_after INTEGER NOT NULL,
    failure INTEGER,
    error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX health_record_of_proxy ON health_record (proxy_id, checked_at DESC, id DESC);
CREATE INDEX health_record_age ON health_record (checked_at);
)sql";

/// Standard names.
constexpr auto third_schema = R"sql(
ALTER TABLE state RENAME COLUMN mark TO use_sequence;
ALTER TABLE state RENAME COLUMN ended TO ended_leases;
ALTER TABLE proxy RENAME COLUMN mark TO use_sequence;
ALTER TABLE proxy RENAME COLUMN has_room TO available;
DROP INDEX lease_due;
CREATE INDEX lease_expiry ON lease (expires_at) WHERE status = 0;
)sql";

/// Number n migrates from schema n to n + 1. Released migrations never change.
constexpr std::array migrations = {first_schema, second_schema, third_schema};

/// Refusals of a file name the file and no operation.
constexpr Operation the_file{.name = ""};

[[noreturn]] void refuse(const std::string& why) { fail(the_file, why); }

std::int64_t checked_version(Connection& connection, const std::string& file) {
    const std::int64_t application = connection.query_integer("PRAGMA application_id");
    const std::int64_t version = connection.query_integer("PRAGMA user_version");
    if (application == application_id) {
        if (version > known_schema()) {
            refuse(file + " has schema " + std::to_string(version) + ", this pharox knows up to " +
                   std::to_string(known_schema()) + ": upgrade pharox, or restore a backup");
        }
        return version;
    }
    const bool empty = application == 0 && version == 0 &&
                       connection.query_integer("SELECT count(*) FROM sqlite_schema") == 0;
    if (!empty) refuse(file + " is a database of something else, not of pharox: choose another file");
    return 0;
}

}  // namespace

int known_schema() noexcept { return static_cast<int>(migrations.size()); }

void require_known_schema(Connection& connection, const std::string& file) {
    if (const std::int64_t version = checked_version(connection, file); version != known_schema()) {
        refuse(file + " has schema " + std::to_string(version) + ", this pharox needs " +
               std::to_string(known_schema()));
    }
}

void check_schema(Connection& connection, const std::string& file) {
    // In one transaction, so that a schema that another process creates concurrently is seen completely or
    // not at all.
    connection.execute("BEGIN");
    const std::int64_t version = checked_version(connection, file);
    if (version < 0) refuse(file + " has schema " + std::to_string(version) + ", which never was");
    connection.execute("COMMIT");
}

void migrate(Connection& connection, const std::string& file) {
    for (;;) {
        if (connection.query_integer("PRAGMA user_version") == known_schema()) return;
        connection.execute("BEGIN IMMEDIATE");
        const auto version = static_cast<std::size_t>(checked_version(connection, file));
        if (version < migrations.size()) {
            connection.execute(migrations[version]);
            connection.execute(("PRAGMA application_id = " + std::to_string(application_id) +
                                "; PRAGMA user_version = " + std::to_string(version + 1))
                                   .c_str());
        }
        connection.commit();
    }
}

}  // namespace pharox::sqlite
