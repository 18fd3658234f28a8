-- `status`, `protocol` and `reason` hold the values of core's enumerations; times are microseconds since 1970.
--
-- has_room is written by every statement that changes what it depends on, and checked here: a generated column would move
-- the row in every index of an order at each lease, though it rarely changes.

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
