CREATE TABLE removed_pool (  -- whose proxies are not all deleted yet
    id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
