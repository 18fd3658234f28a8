// Copies of a store that is in use.
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/sqlite/file.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::sqlite {
namespace {

/// A pool of `proxies` proxies, each of which can be leased once.
void fill(IStorage& storage, int proxies) {
    const ProxyPool pool = storage.catalog()->add_pool({.name = "pool"});
    AddProxiesRequest request;
    for (int port = 1; port <= proxies; ++port) {
        request.proxies.push_back({.pool_id = pool.id,
                                   .host = "192.0.2.1",
                                   .port = port,
                                   .status = ProxyStatus::active,
                                   .max_concurrency = 1});
    }
    storage.catalog()->add_proxies(request);
    storage.ensure_consumer({.name = "default"});
}

TEST(SqliteBackup, IsAStoreOfOneInstant) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 20'000);
    std::atomic<bool> stop{false};
    std::atomic<int> leased{0};
    std::atomic<long> longest_ms{0};
    std::thread leasing([&] {
        while (!stop) {
            const auto begin = std::chrono::steady_clock::now();
            const AcquireResult got = storage->acquire({.pool = "pool"});
            const auto took = std::chrono::steady_clock::now() - begin;
            longest_ms = std::max<long>(longest_ms,
                                        std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
            if (got) ++leased;
        }
    });
    while (leased == 0) std::this_thread::yield();
    int before = 0;
    int after = 0;
    BackupReport report;
    for (int attempt = 0; attempt < 20 && after == before;
         ++attempt) {  // a busy machine may not run the thread
        before = leased;
        report = backup(folder / "pools.db", folder / "copy.db", true);
        after = leased;
    }
    stop = true;
    leasing.join();
    EXPECT_GT(after, before) << "leasing went on";
    RecordProperty("longest_acquire_ms", static_cast<int>(longest_ms));
    EXPECT_EQ(report.proxies, 20'000);
    EXPECT_GE(report.leases, before);
    EXPECT_LE(report.leases, after + 1);

    struct stat about{};
    ASSERT_EQ(::stat((folder / "copy.db").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(folder / "copy.db-wal"));
    EXPECT_EQ(std::uintmax_t(about.st_size), report.bytes);
    const auto copy = make_storage({.path = folder / "copy.db"});
    EXPECT_EQ(copy->get_pool_stats({.pool = "pool"})->total_leases, report.leases);
    EXPECT_TRUE(copy->maintenance()->audit().mismatches.empty());
}

TEST(SqliteBackup, ReplacesOnlyOnRequestAndLeavesNothingAfterAFailure) {
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 1);
    backup(folder / "pools.db", folder / "copy.db", false);
    EXPECT_THROW(backup(folder / "pools.db", folder / "copy.db", false), ConflictError);
    EXPECT_EQ(backup(folder / "pools.db", folder / "copy.db", true).proxies, 1);
    EXPECT_THROW(backup(folder / "none.db", folder / "new.db", false), StorageError);
    EXPECT_THROW(backup(folder / "pools.db", folder / "no-folder" / "new.db", false), StorageError);

    // A damaged page of the store is found in the copy, which is then not made.
    RawDatabase(folder / "pools.db").execute("PRAGMA wal_checkpoint(TRUNCATE)");
    const long size = static_cast<long>(std::filesystem::file_size(folder / "pools.db"));
    const std::string noise(static_cast<std::size_t>(size) - 8192, '\xA5');
    std::fstream file(folder / "pools.db", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(8192);
    file << noise;
    file.close();
    ASSERT_TRUE(file);
    EXPECT_THROW(backup(folder / "pools.db", folder / "copy.db", true), StorageError);
    EXPECT_EQ(backup(folder / "copy.db", folder / "again.db", false).proxies, 1)
        << "the earlier copy is kept";
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        EXPECT_EQ(entry.path().string().find(".partial"), std::string::npos) << entry.path();
}

TEST(SqliteBackup, VersionsAreReadWithoutMigrating) {
    const Folder folder;
    make_storage({.path = folder / "pools.db"});
    const SchemaVersions versions = schema_versions(folder / "pools.db");
    EXPECT_EQ(versions.stored, versions.known);
    RawDatabase(folder / "pools.db").execute("PRAGMA user_version = 1");
    EXPECT_EQ(schema_versions(folder / "pools.db").stored, 1);
    EXPECT_THROW(schema_versions(folder / "none.db"), StorageError);
    EXPECT_FALSE(std::filesystem::exists(folder / "none.db"));
}

}  // namespace
}  // namespace pharox::sqlite
