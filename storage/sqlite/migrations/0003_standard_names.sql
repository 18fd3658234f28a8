ALTER TABLE state RENAME COLUMN mark TO use_sequence;
ALTER TABLE state RENAME COLUMN ended TO ended_leases;
ALTER TABLE proxy RENAME COLUMN mark TO use_sequence;
ALTER TABLE proxy RENAME COLUMN has_room TO available;
DROP INDEX lease_due;
CREATE INDEX lease_expiry ON lease (expires_at) WHERE status = 0;
