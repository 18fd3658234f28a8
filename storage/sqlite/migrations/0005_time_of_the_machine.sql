-- The store's time is clock_offset plus the time since the boot, which all processes of a machine share.

ALTER TABLE state ADD COLUMN boot_id TEXT;          -- the boot to which clock_offset belongs
ALTER TABLE state ADD COLUMN clock_offset INTEGER;  -- microseconds

CREATE TABLE clock_vote (  -- what the latest processes consider to be the offset
    process TEXT NOT NULL PRIMARY KEY,
    clock_offset INTEGER NOT NULL,
    number INTEGER NOT NULL UNIQUE  -- in the order of their votes
) STRICT, WITHOUT ROWID;
