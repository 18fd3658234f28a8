-- The store's time: see ADR 0016.

-- name: clock_base
SELECT boot_id, clock_offset, now FROM state;

-- name: set_clock_base
-- Parameters: boot id, offset, time.
UPDATE state SET boot_id = ?, clock_offset = ?, now = ? WHERE id = 1;

-- name: put_clock_vote
INSERT OR REPLACE INTO clock_vote (process, clock_offset, number)
VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM clock_vote));

-- name: delete_old_clock_votes
-- Parameter: how many stay.
DELETE FROM clock_vote WHERE number <= (SELECT max(number) FROM clock_vote) - ?;

-- name: delete_clock_votes
DELETE FROM clock_vote;

-- name: clock_votes
-- The latest first.
SELECT process, clock_offset FROM clock_vote ORDER BY number DESC;

-- name: shift_active_leases
-- Parameter: 1 microseconds.
UPDATE lease
SET acquired_at = acquired_at + ?1, expires_at = expires_at + ?1, tenure_ends_at = tenure_ends_at + ?1
WHERE status = 0;
