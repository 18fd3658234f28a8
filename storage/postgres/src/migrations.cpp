#include "migrations.hpp"

#include <array>

#include "upkeep_queries.hpp"

namespace pharox::postgres {

namespace {

constexpr int oldest_server = 120'000;

/// `status`, `protocol` and `reason` hold the values of core's enumerations.
///
/// availability is the status of a proxy that may be leased (0 active, 2 slow), plus 4 while it is full, and
/// null for any other status. Indexes hold it instead of the counter: as long as it stays the same, a lease
/// changes no indexed column (a heap-only update). Full proxies are only in the indexes of first_available,
/// where a miss looks for one. The sort keys of the other selectors are null, and cost nothing, until a pool
/// is first asked for that selector: use_sequence_key, lease_count_key and latency_key are copies of
/// use_sequence, current_leases and latency_ms; random_key and weighted_key are drawn. pool.maintained_keys
/// says which ones statements maintain, pool.complete_keys which ones every proxy of the pool has, as bits
/// (see sort_keys.hpp).
constexpr auto first_schema = R"sql(
CREATE SCHEMA IF NOT EXISTS pharox.;
CREATE TABLE pharox.schema_version (
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    version int NOT NULL
);
INSERT INTO pharox.schema_version (version) VALUES (0);

-- Numbers the uses of proxies, of all pools. Not cached: numbers are in the order of the uses.
CREATE SEQUENCE pharox.use_sequence;

-- The time that every rule goes by: the server's. Tests replace it (see TestClock); in production the planner
-- puts its body into the statements.
CREATE FUNCTION pharox.now_utc() RETURNS timestamptz LANGUAGE sql PARALLEL SAFE AS $$
    SELECT clock_timestamp() $$;

-- The latest end of a lease that an answer told of before it was recorded. The store's time is never before
-- it: what was seen expired stays so when the server's clock steps back, or a standby with another clock
-- takes over.
CREATE TABLE pharox.clock (
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    latest_expiry timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO pharox.clock (latest_expiry) VALUES ('-infinity');

CREATE TABLE pharox.pool (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    description text,
    metadata jsonb NOT NULL,
    random_high float8 NOT NULL DEFAULT 0,    -- how far the order of random picks has come
    weighted_high float8 NOT NULL DEFAULT 0,
    maintained_keys smallint NOT NULL DEFAULT 0,
    complete_keys smallint NOT NULL DEFAULT 0,
    backfilled_to uuid                        -- the last proxy that has the key which is not complete
) WITH (fillfactor = 50);

CREATE TABLE pharox.consumer (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE pharox.proxy (
    id uuid PRIMARY KEY,
    pool_id uuid NOT NULL,
    use_sequence bigint NOT NULL DEFAULT 0,   -- of its last use
    fencing bigint NOT NULL DEFAULT 0,        -- the newest fencing token
    random_key float8,
    weighted_key float8,
    checked_at timestamptz NOT NULL,
    current_leases int NOT NULL DEFAULT 0,    -- no CHECK: it took a twelfth of the time of a lease
    use_sequence_key bigint,
    lease_count_key int,
    latency_key float8,
    max_concurrency int,
    revision int NOT NULL DEFAULT 0,          -- of everything but leases
    port int NOT NULL,
    status smallint NOT NULL,
    protocol smallint NOT NULL,
    availability smallint,
    template boolean,
    asn bigint,
    latitude float8,
    longitude float8,
    latency_ms float8,
    weight float8 NOT NULL,
    host text NOT NULL,
    username text,
    password text,
    source text COLLATE "C",
    country text COLLATE "C",
    city text COLLATE "C",
    isp text COLLATE "C",
    tags text[] COLLATE "C" NOT NULL,
    metadata jsonb NOT NULL,
    identity bytea NOT NULL,                  -- SHA-256: it holds a password otherwise
    CONSTRAINT proxy_identity UNIQUE (pool_id, identity)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.03, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 1);
CREATE INDEX proxy_pool ON pharox.proxy (pool_id, id);
CREATE INDEX proxy_first_available ON pharox.proxy (pool_id, availability, checked_at DESC, id)
    WHERE availability IS NOT NULL;
CREATE INDEX proxy_round_robin ON pharox.proxy (pool_id, availability, use_sequence_key, id)
    WHERE availability < 4 AND use_sequence_key IS NOT NULL;
CREATE INDEX proxy_least_used ON pharox.proxy (pool_id, availability, lease_count_key, use_sequence_key, id)
    WHERE availability < 4 AND lease_count_key IS NOT NULL;
CREATE INDEX proxy_lowest_latency ON pharox.proxy (pool_id, availability, latency_key, id)
    WHERE availability < 4 AND latency_key IS NOT NULL;
CREATE INDEX proxy_random ON pharox.proxy (pool_id, availability, random_key, id)
    WHERE availability < 4 AND random_key IS NOT NULL;
CREATE INDEX proxy_weighted_random ON pharox.proxy (pool_id, availability, weighted_key, id)
    WHERE availability < 4 AND weight > 0 AND weighted_key IS NOT NULL;
CREATE INDEX proxy_first_available_by_country ON pharox.proxy (pool_id, availability, country, checked_at DESC, id)
    WHERE availability IS NOT NULL AND country IS NOT NULL;
CREATE INDEX proxy_first_available_by_source ON pharox.proxy (pool_id, availability, source, checked_at DESC, id)
    WHERE availability IS NOT NULL AND source IS NOT NULL;
CREATE INDEX proxy_first_available_by_asn ON pharox.proxy (pool_id, availability, asn, checked_at DESC, id)
    WHERE availability IS NOT NULL AND asn IS NOT NULL;
CREATE INDEX proxy_first_available_by_protocol ON pharox.proxy (pool_id, availability, protocol, checked_at DESC, id)
    WHERE availability IS NOT NULL;
CREATE INDEX proxy_tags ON pharox.proxy USING gin (tags) WITH (fastupdate = off)
    WHERE availability IS NOT NULL AND tags <> '{}';

CREATE TABLE pharox.lease (
    id uuid PRIMARY KEY,
    proxy_id uuid NOT NULL,
    consumer_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    acquired_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    released_at timestamptz,
    tenure_ends_at timestamptz,
    fencing bigint NOT NULL,
    call_key bigint NOT NULL,                 -- which call made or ended it: a repeat knows its own
    status smallint NOT NULL,
    reason smallint,
    pool_name text NOT NULL,
    metadata jsonb NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.03, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 1);
CREATE INDEX lease_expiry ON pharox.lease (expires_at, id) WHERE status = 0;
CREATE INDEX lease_ended ON pharox.lease (released_at) WHERE status = 1;

-- Which storages wait for which pools: whoever frees something tells them, and nobody else. Not worth a log:
-- after a crash nobody is connected who waited.
CREATE UNLOGGED TABLE pharox.waiting (
    pool_id uuid,
    store bigint,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (pool_id, store)
) WITH (fillfactor = 50);

CREATE TABLE pharox.proxy_health (
    proxy_id uuid PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    result jsonb NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE pharox.health_record (
    id uuid PRIMARY KEY,
    proxy_id uuid NOT NULL,
    checked_at timestamptz NOT NULL,
    record jsonb NOT NULL
);
CREATE INDEX health_record_newest ON pharox.health_record (proxy_id, checked_at DESC, id DESC);

-- What statements compute, in one place. The planner puts the bodies into the statements.
CREATE FUNCTION pharox.availability(status smallint, max_concurrency int, leases int) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status = 0 OR status = 2
        THEN (status + CASE WHEN max_concurrency IS NULL OR leases < max_concurrency THEN 0 ELSE 4 END)::smallint END $$;
-- Infinite where the latency is not known.
CREATE FUNCTION pharox.latency_key(latency_ms float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(latency_ms, 'Infinity'::float8) $$;
-- An exponential variate behind what the pool has reached: the smallest key is next.
CREATE FUNCTION pharox.next_random_key(reached float8) RETURNS float8 LANGUAGE sql PARALLEL SAFE AS $$
    SELECT reached - ln(1 - random()) $$;
CREATE FUNCTION pharox.next_weighted_key(reached float8, weight float8) RETURNS float8
    LANGUAGE sql PARALLEL SAFE AS $$
    SELECT reached - ln(1 - random()) / least(greatest(weight, 1e-290), 1e290) $$;

-- Great-circle distance by the haversine formula, on a sphere of 6371.0 km. False where there is no place.
CREATE FUNCTION pharox.within(latitude float8, longitude float8, at_latitude float8, at_longitude float8,
                              radius_km float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(2 * 6371.0 * asin(least(1, sqrt(
        power(sin(radians(latitude - at_latitude) / 2), 2) + cos(radians(at_latitude)) * cos(radians(latitude))
        * power(sin(radians(longitude - at_longitude) / 2), 2)))) <= radius_km, FALSE) $$;
CREATE FUNCTION pharox.at(latitude float8, longitude float8, at_latitude float8, at_longitude float8)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(abs(latitude - at_latitude) <= 1e-6 AND abs(longitude - at_longitude) <= 1e-6, FALSE) $$;
)sql";

/// Number n leads from schema n to n + 1. What was released never changes.
constexpr std::array migrations = {first_schema};

constexpr Operation migrating{.name = "migrate"};

/// The schema's name stands alone in CREATE SCHEMA.
std::string in_schema(const Database& database, std::string_view text) {
    std::string sql(text);
    constexpr std::string_view alone = "EXISTS pharox.;";
    const std::size_t at = sql.find(alone);
    if (at != std::string::npos) {
        sql.replace(at, alone.size(), "EXISTS \"" + database.options().schema + "\";");
    }
    return database.in_schema(sql);
}

int version_of(Connection& connection, const Database& database) {
    const Rows there = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'schema_version')",
        Parameters().add(database.options().schema), Plan::once);
    if (!there.flag(0, 0)) return 0;
    const Rows version = connection.execute(database.in_schema(query::schema_version), {}, Plan::once);
    return version.size() == 0 ? 0 : static_cast<int>(version.integer(0, 0));
}

void check_server(Connection& connection) {
    if (connection.server_version() < oldest_server) {
        fail(migrating, "the server is PostgreSQL " + std::to_string(connection.server_version() / 10'000) +
                            ": 12 is the oldest that will do");
    }
    const Rows encoding = connection.execute("SELECT current_setting('server_encoding')", {}, Plan::once);
    if (encoding.text(0, 0) != "UTF8") {
        fail(migrating, "the database keeps text as " + std::string(encoding.text(0, 0)) +
                            ": make one with ENCODING 'UTF8'");
    }
}

MigrationPlan plan(Connection& connection, const Database& database) {
    check_server(connection);
    MigrationPlan plan{.from = version_of(connection, database), .to = known_schema()};
    if (plan.from > plan.to) {
        fail(migrating, "the database has schema " + std::to_string(plan.from) +
                            ", this pharox knows up to " + std::to_string(plan.to) +
                            ": upgrade pharox, or restore a backup");
    }
    for (int version = plan.from; version < plan.to; ++version) {
        plan.sql += in_schema(database, migrations[static_cast<std::size_t>(version)]);
        plan.sql += database.in_schema(
            "UPDATE pharox.schema_version SET version = " + std::to_string(version + 1) + ";\n");
    }
    return plan;
}

}  // namespace

int known_schema() noexcept { return static_cast<int>(migrations.size()); }

MigrationPlan plan_migration(Database& database) {
    return database.run(migrating, Repeat::always,
                        [&](Connection& connection) { return plan(connection, database); });
}

MigrationPlan migrate(Database& database) {
    MigrationPlan first = plan_migration(database);
    if (first.sql.empty()) return first;
    return database.transact(migrating, [&](Connection& connection) {
        // One for each schema's name, held until the end of the transaction.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('pharox migration'), hashtext($1))",
                           Parameters().add(database.options().schema), Plan::once);
        MigrationPlan now = plan(connection, database);
        if (!now.sql.empty()) connection.command(now.sql);
        return now;
    });
}

void expect_schema(Database& database) {
    const MigrationPlan plan = plan_migration(database);
    if (plan.sql.empty()) return;
    fail(migrating, "the database has schema " + std::to_string(plan.from) + ", this pharox needs " +
                        std::to_string(plan.to) + ": run pharox migrate as the owner of the schema");
}

}  // namespace pharox::postgres
