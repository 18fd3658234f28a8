-- Tenure, health, and a count of the leases that ended: counting them takes longer the more are kept.

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
