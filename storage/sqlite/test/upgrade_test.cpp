// A file that an older version made, with data in it.
#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::sqlite {
namespace {

/// As the first version left it: one pool with a proxy, a consumer, one active
/// lease and one that ended.
void make_first_schema(const std::filesystem::path& path, Timestamp now) {
    {
        const auto storage = make_storage({.path = path});  // for what the versions have in common
        fill(*storage, 1, 3);
    }
    RawDatabase raw(path);
    const std::string time = std::to_string(now.time_since_epoch().count());
    raw.execute(
        "DROP INDEX lease_expiry; CREATE INDEX lease_due ON lease (expires_at) WHERE status = 0;"
        "ALTER TABLE state RENAME COLUMN use_sequence TO mark;"
        "ALTER TABLE state RENAME COLUMN ended_leases TO ended;"
        "ALTER TABLE proxy RENAME COLUMN use_sequence TO mark;"
        "ALTER TABLE proxy RENAME COLUMN available TO has_room;"
        "DROP TABLE import; DROP TABLE staged_proxy; DROP TABLE clock_vote; DROP TABLE removed_pool; "
        "ALTER TABLE state DROP COLUMN boot_id; ALTER TABLE state DROP COLUMN clock_offset; "
        "DROP TABLE health_result; DROP TABLE health_record;"
        "ALTER TABLE state DROP COLUMN ended; ALTER TABLE lease DROP COLUMN tenure_ends_at;"
        "INSERT INTO lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at,"
        " released_at, reason, fencing, metadata)"
        " SELECT x'000000000000400080000000000000a1', proxy.id, consumer.id, pool_id, 'pool', 0, " +
        time + ", " + time +
        " + 60000000, NULL, NULL, 7, '{\"job\":1}' FROM proxy, consumer;"
        "INSERT INTO lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at,"
        " released_at, reason, fencing, metadata)"
        " SELECT x'000000000000400080000000000000a2', proxy.id, consumer.id, pool_id, 'pool', 1, " +
        time + ", " + time + " + 60000000, " + time +
        ", 0, 6, NULL FROM proxy, consumer;"
        "UPDATE proxy SET current_leases = 1, fencing = 7, mark = 3;"
        "UPDATE state SET mark = 3, now = " +
        time + "; PRAGMA user_version = 1");
}

TEST(SqliteUpgrade, FromTheFirstSchemaKeepsWhatIsThere) {
    const Folder folder;
    const auto clock = std::make_shared<ManualClock>();
    make_first_schema(folder / "pools.db", clock->now());
    const auto storage = make_storage({.path = folder / "pools.db", .clock = clock});

    const auto leases = require_lease_control(*storage).list_leases({}).items;
    ASSERT_EQ(leases.size(), 2U);
    EXPECT_EQ(leases[0].status, LeaseStatus::active);
    EXPECT_EQ(leases[0].fencing_token, 7);
    EXPECT_EQ(leases[0].metadata.dump(), R"({"job":1})");
    EXPECT_FALSE(leases[0].tenure_ends_at);
    EXPECT_EQ(leases[1].status, LeaseStatus::released);
    EXPECT_TRUE(require_maintenance(*storage).audit().mismatches.empty());
    EXPECT_TRUE(storage->release_lease({.lease_id = leases[0].id}).released);
    EXPECT_EQ(RawDatabase(folder / "pools.db").query("SELECT ended_leases FROM state"),
              std::vector<std::string>{"2"});

    const auto acquired = storage->acquire({.pool = "pool", .max_tenure = std::chrono::hours(1)});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(acquired.lease().tenure_ends_at, clock->now() + std::chrono::hours(1));
    EXPECT_GT(acquired.lease().fencing_token, 7);
    require_maintenance(*storage).ping();
}

TEST(SqliteUpgrade, MakesTheSchemaOfANewFile) {
    const Folder folder;
    make_first_schema(folder / "old.db", Timestamp(std::chrono::days(20'000)));
    make_storage({.path = folder / "old.db"});
    make_storage({.path = folder / "new.db"});
    const char* const columns =
        "SELECT m.name || '.' || c.name || c.type || c.\"notnull\" || c.pk FROM sqlite_schema m,"
        " pragma_table_xinfo(m.name) c ORDER BY 1";
    EXPECT_EQ(RawDatabase(folder / "old.db").query(columns), RawDatabase(folder / "new.db").query(columns));
    const char* const indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name";
    EXPECT_EQ(RawDatabase(folder / "old.db").query(indexes), RawDatabase(folder / "new.db").query(indexes));
}

}  // namespace
}  // namespace pharox::sqlite
