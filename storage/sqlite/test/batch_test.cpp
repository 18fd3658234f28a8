// Batches are one transaction; a miss that repeats needs none that writes.
#include <set>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::sqlite {
namespace {

std::vector<std::string> leases_in(const std::filesystem::path& path) {
    return RawDatabase(path).query("SELECT id FROM lease WHERE status = 0");
}

TEST(SqliteBatches, AreAllOrNothingWhenTheFileFails) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 10, 10);
    RawDatabase raw(folder / "pools.db");
    raw.execute(
        "CREATE TRIGGER fault BEFORE INSERT ON lease WHEN (SELECT count(*) FROM lease) = 7"
        " BEGIN SELECT RAISE(FAIL, 'injected'); END");
    EXPECT_THROW(storage->acquire_many({.each = {.pool = "pool"}, .count = 20}), StorageError);
    EXPECT_TRUE(leases_in(folder / "pools.db").empty());
    EXPECT_EQ(storage->get_pool_stats({.pool = "pool"})->total_leases, 0);
    raw.execute("DROP TRIGGER fault");

    const auto leased = storage->acquire_many({.each = {.pool = "pool"}, .count = 20}).leased;
    ASSERT_EQ(leased.size(), 20U);
    std::vector<ReleaseRequest> releases;
    for (const LeasedProxy& one : leased) releases.push_back({.lease_id = one.lease().id});
    raw.execute(
        "CREATE TRIGGER fault BEFORE UPDATE ON lease WHEN (SELECT count(*) FROM lease WHERE status = 1) = 7"
        " BEGIN SELECT RAISE(FAIL, 'injected'); END");
    EXPECT_THROW(storage->release_many(releases), StorageError);
    EXPECT_EQ(leases_in(folder / "pools.db").size(), 20U);
    raw.execute("DROP TRIGGER fault");
    for (const ReleaseResult& result : storage->release_many(releases)) EXPECT_TRUE(result.released);
    EXPECT_TRUE(require_maintenance(*storage).audit().mismatches.empty());
    EXPECT_EQ(raw.query("SELECT count(DISTINCT use_sequence) FROM proxy WHERE use_sequence > 0"),
              std::vector<std::string>{"2"})
        << "twenty leases went to two proxies, each with marks of its own";
}

TEST(SqliteBatches, AreRefusedWholeWhereOneIdWasUsedByAnother) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 10, 10);
    storage->ensure_consumer({.name = "other"});
    const auto theirs = storage->acquire({.pool = "pool", .consumer = "other"});
    EXPECT_THROW(storage->acquire_many({.each = {.pool = "pool"},
                                        .count = 3,
                                        .lease_ids = {LeaseId::make(), theirs.lease().id, LeaseId::make()}}),
                 ConflictError);
    EXPECT_EQ(leases_in(folder / "pools.db").size(), 1U);
}

TEST(SqliteBatches, OfAThousandDistinctOnes) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 1'001, 10);
    for (const Selector selector : {Selector::first_available, Selector::random, Selector::least_used}) {
        const auto result = storage->acquire_many(
            {.each = {.pool = "pool", .selector = selector}, .count = 1'000, .distinct = true});
        std::set<ProxyId> proxies;
        for (const LeasedProxy& one : result.leased) proxies.insert(one.proxy().id);
        EXPECT_EQ(proxies.size(), 1'000U);
        EXPECT_FALSE(result.miss);
    }
    EXPECT_TRUE(require_maintenance(*storage).audit().mismatches.empty());
}

TEST(SqliteMisses, ThatRepeatWaitForNoWriter) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db", .busy_timeout = Duration(0)});
    fill(*storage, 1, 1);
    const auto held = storage->acquire({.pool = "pool"});
    EXPECT_EQ(storage->try_acquire({.pool = "pool"}).miss(), Miss::all_busy);
    {
        RawDatabase other(folder / "pools.db");
        other.execute("BEGIN IMMEDIATE");
        EXPECT_EQ(storage->try_acquire({.pool = "pool"}).miss(), Miss::all_busy);
        other.execute("ROLLBACK");
    }
    storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(storage->try_acquire({.pool = "pool"}));
}

}  // namespace
}  // namespace pharox::sqlite
