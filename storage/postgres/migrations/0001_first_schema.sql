-- `status`, `protocol` and `reason` hold the values of core's enumerations. In another schema than `pharox` every
-- `pharox.` is replaced.
--
-- availability is the status of a proxy that may be leased (0 active, 2 slow), plus 4 while it is full, and null for any
-- other status. Indexes hold it instead of the counter: as long as it stays the same, a lease changes no indexed column (a
-- heap-only update). Full proxies are only in the indexes of first_available, where a miss searches for one. The sort keys
-- of the other selectors are null, and cost nothing, until the first request with that selector in the pool:
-- use_sequence_key, lease_count_key and latency_key are copies of use_sequence, current_leases and latency_ms; random_key
-- and weighted_key are random numbers. Bits of pool.maintained_keys are the keys that statements maintain, bits of
-- pool.complete_keys those that every proxy of the pool has (see sort_keys.sql).

CREATE SCHEMA IF NOT EXISTS pharox;
CREATE TABLE pharox.schema_version (
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    version int NOT NULL
);
INSERT INTO pharox.schema_version (version) VALUES (0);

-- Numbers the uses of proxies, of all pools. Not cached: numbers are in the order of the uses.
CREATE SEQUENCE pharox.use_sequence;

-- The store's clock: that of the server. Tests replace the function (see TestClock). The planner inlines its body into
-- the statements.
CREATE FUNCTION pharox.now_utc() RETURNS timestamptz LANGUAGE sql PARALLEL SAFE AS $$
    SELECT clock_timestamp() $$;

-- The latest expiry that an answer has shown before it was recorded in the lease. The store's time is never before it:
-- what was shown as expired stays so when the server's clock steps back, or a standby with another clock takes over.
CREATE TABLE pharox.clock (
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    latest_expiry timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO pharox.clock (latest_expiry) VALUES ('-infinity');
-- No role can set it back, or ahead of the time: leases would read active again, or all leases expired.
CREATE FUNCTION pharox.keep_clock_monotonic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.latest_expiry := greatest(OLD.latest_expiry, least(NEW.latest_expiry, pharox.now_utc()));
    RETURN NEW;
END $$;
CREATE TRIGGER keep_clock_monotonic BEFORE UPDATE ON pharox.clock
    FOR EACH ROW EXECUTE FUNCTION pharox.keep_clock_monotonic();

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
-- Pool and proxy are conditions on the index too: expired leases of other pools are passed over without their rows.
CREATE INDEX lease_expiry ON pharox.lease (expires_at, id, pool_id, proxy_id) WHERE status = 0;
CREATE INDEX lease_ended ON pharox.lease (released_at) WHERE status = 1;

-- Which storages wait for which pools: only those are notified. Unlogged: after a crash of the server no waiter is
-- connected.
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

-- Notifies the other storages that wait for the pool, if there are any: `what` is 'pool' if its name may belong to another
-- pool now, and otherwise empty. Their registrations are committed before they
-- attempt (see PoolNotifications). A session knows the number of its storage; behind a pooler it has none.
CREATE FUNCTION pharox.notify_waiters(pool uuid, what text DEFAULT '') RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('pharox_' || notify_waiters.pool, what)
    WHERE EXISTS (
        SELECT 1 FROM pharox.waiting w
        WHERE w.pool_id = notify_waiters.pool AND w.ends_at > clock_timestamp()
            AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0)) $$;

-- The store's time, for statements that show an expired lease as ended and do not record that in the lease: the time stays
-- at or after what they show, also if the server's clock steps back. A standby records nothing.
CREATE FUNCTION pharox.observed_time() RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    instant timestamptz := greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock));
BEGIN
    IF NOT current_setting('transaction_read_only')::boolean THEN
        UPDATE pharox.clock c
        SET latest_expiry = expired.at
        FROM (SELECT max(expires_at) AS at FROM pharox.lease WHERE status = 0 AND expires_at <= instant) expired
        WHERE c.latest_expiry < expired.at;
    END IF;
    RETURN instant;
END $$;

-- Expressions that several statements use. The planner inlines the bodies into the statements.
CREATE FUNCTION pharox.availability(status smallint, max_concurrency int, leases int) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status = 0 OR status = 2
        THEN (status + CASE WHEN max_concurrency IS NULL OR leases < max_concurrency THEN 0 ELSE 4 END)::smallint END $$;
-- Infinite if the latency is unknown.
CREATE FUNCTION pharox.latency_key(latency_ms float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(latency_ms, 'Infinity'::float8) $$;
-- The largest key that was picked in the pool plus an exponentially distributed number; the smallest key is picked next.
CREATE FUNCTION pharox.next_random_key(reached float8) RETURNS float8 LANGUAGE sql PARALLEL SAFE AS $$
    SELECT reached - ln(1 - random()) $$;
CREATE FUNCTION pharox.next_weighted_key(reached float8, weight float8) RETURNS float8
    LANGUAGE sql PARALLEL SAFE AS $$
    SELECT reached - ln(1 - random()) / least(greatest(weight, 1e-290), 1e290) $$;

-- Great-circle distance by the haversine formula, on a sphere of 6371.0 km. False if a coordinate is absent.
CREATE FUNCTION pharox.within(latitude float8, longitude float8, at_latitude float8, at_longitude float8,
                              radius_km float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(2 * 6371.0 * asin(least(1, sqrt(
        power(sin(radians(latitude - at_latitude) / 2), 2) + cos(radians(at_latitude)) * cos(radians(latitude))
        * power(sin(radians(longitude - at_longitude) / 2), 2)))) <= radius_km, FALSE) $$;
CREATE FUNCTION pharox.at(latitude float8, longitude float8, at_latitude float8, at_longitude float8)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(abs(latitude - at_latitude) <= 1e-6 AND abs(longitude - at_longitude) <= 1e-6, FALSE) $$;
