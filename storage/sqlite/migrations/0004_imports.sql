-- Proxies of an add_proxies that takes several transactions: staged here, then moved to `proxy`.

CREATE TABLE import (  -- at most one row
    id BLOB NOT NULL PRIMARY KEY,
    process TEXT NOT NULL,      -- the process that runs it
    stage INTEGER NOT NULL,     -- 0: its rows are staged; 1: they are moved to `proxy`; 2: they are taken back
    progress INTEGER NOT NULL   -- counts its transactions
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_proxy (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,    -- of a new proxy, or of the stored one that is updated
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
    available INTEGER NOT NULL,
    UNIQUE (pool_id, identity)
) STRICT;
