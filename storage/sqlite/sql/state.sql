-- The only row of `state`: the latest time of a write, the latest use sequence, and the number of ended leases in the
-- file. Each transaction that leases or ends leases reads it first and writes it last.

-- name: read_state
SELECT now, use_sequence, ended_leases FROM state;

-- name: write_state
-- Parameters: time, use sequence, number of ended leases.
UPDATE state SET now = ?, use_sequence = ?, ended_leases = ? WHERE id = 1;
