// What ping and audit detect, and which tables stay bounded.
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::sqlite {
namespace {

std::string ping_error(IStorage& storage) {
    try {
        require_maintenance(storage).ping();
    } catch (const StorageError& error) {
        return error.what();
    }
    return "sound";
}

std::int64_t count(const std::filesystem::path& path, const std::string& table) {
    return std::stoll(RawDatabase(path).query("SELECT count(*) FROM " + table).at(0));
}

TEST(SqlitePing, LeavesNoTrace) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 1, 1);
    const auto before =
        RawDatabase(folder / "pools.db").query("SELECT now || use_sequence || ended_leases FROM state");
    for (int i = 0; i < 100; ++i) require_maintenance(*storage).ping();
    EXPECT_EQ(RawDatabase(folder / "pools.db").query("SELECT now || use_sequence || ended_leases FROM state"),
              before);
    EXPECT_TRUE(storage->acquire({.pool = "pool"}));
    EXPECT_EQ(RawDatabase(folder / "pools.db").query("PRAGMA integrity_check"),
              std::vector<std::string>{"ok"});
}

TEST(SqlitePing, NoticesAnotherSchema) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    const int known = std::stoi(RawDatabase(folder / "pools.db").query("PRAGMA user_version").at(0));
    RawDatabase(folder / "pools.db").execute("PRAGMA user_version = 1");
    EXPECT_NE(ping_error(*storage).find("has schema 1, this pharox needs " + std::to_string(known)),
              std::string::npos);
    RawDatabase(folder / "pools.db").execute("PRAGMA user_version = 99");
    EXPECT_NE(ping_error(*storage).find("has schema 99"), std::string::npos);
}

TEST(SqlitePing, NoticesAReadOnlyFile) {
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 1, 1);
    ASSERT_EQ(::chmod((folder / "pools.db").c_str(), 0444), 0);
    ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
    Child child([&] {
        constexpr uid_t unprivileged = 65534;  // root may write to a file of any mode
        if (::geteuid() == 0 && ::setuid(unprivileged) != 0) return 1;
        const auto storage = make_storage({.path = folder / "pools.db"});
        if (!storage->catalog()->get_pool("pool")) return 2;
        return ping_error(*storage).find("readonly") != std::string::npos ? 0 : 3;
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(SqliteAudit, FindsAndMendsWrongCounters) {
    const Folder folder;
    const auto clock = std::make_shared<ManualClock>();
    const auto storage = make_storage({.path = folder / "pools.db", .clock = clock});
    const auto proxies = fill(*storage, 3, 2);
    LeaseId lost;
    for (const Proxy& proxy : proxies) lost = storage->create_lease({.proxy_id = proxy.id}).lease().id;
    storage->create_lease({.proxy_id = proxies[0].id, .duration = std::chrono::seconds(1)});
    clock->advance(std::chrono::seconds(2));  // expired, and not collected
    IMaintenance& maintenance = require_maintenance(*storage);
    EXPECT_TRUE(maintenance.audit().mismatches.empty());
    EXPECT_EQ(maintenance.audit().leases, 3);
    RawDatabase(folder / "pools.db")
        .execute("UPDATE proxy SET current_leases = 0, available = 1 WHERE host IN ('10.0.0.0', '10.0.0.2')");

    EXPECT_TRUE(storage->release_lease({.lease_id = lost}).released) << "a wrong counter holds up no release";
    const AuditResult found = maintenance.audit();
    ASSERT_EQ(found.mismatches.size(), 1U);
    EXPECT_EQ(found.mismatches[0].proxy_id, proxies[0].id);
    EXPECT_EQ(found.mismatches[0].pool, "pool");
    EXPECT_EQ(found.mismatches[0].active_leases, 1);
    EXPECT_EQ(maintenance.repair().mismatches, found.mismatches);
    EXPECT_TRUE(maintenance.audit().mismatches.empty());
    EXPECT_EQ(storage->cleanup_expired_leases({}).count, 1);
    EXPECT_EQ(storage->catalog()->get_proxy(proxies[0].id)->current_leases, 1);
}

TEST(SqliteRetention, KeepsANumberOfEndedLeasesBeyondTenMinutes) {
    const Folder folder;
    const auto clock = std::make_shared<ManualClock>();
    const auto storage = make_storage({.path = folder / "pools.db", .retained_leases = 10, .clock = clock});
    fill(*storage, 1, 1);
    for (int i = 0; i < 30; ++i) {
        storage->release_lease({.lease_id = storage->acquire({.pool = "pool"}).lease().id});
        clock->advance(std::chrono::seconds(1));
    }
    storage->cleanup_expired_leases({});
    EXPECT_EQ(count(folder / "pools.db", "lease"), 30) << "ten minutes are promised";
    clock->advance(std::chrono::minutes(10));
    storage->cleanup_expired_leases({});
    EXPECT_EQ(count(folder / "pools.db", "lease"), 10);
    clock->advance(std::chrono::hours(1));
    storage->cleanup_expired_leases({});
    EXPECT_EQ(count(folder / "pools.db", "lease"), 0);
    EXPECT_EQ(RawDatabase(folder / "pools.db").query("SELECT ended_leases FROM state").at(0), "0");
}

TEST(SqliteRetention, NeedsNoCleanupToStayBounded) {
    const Folder folder;
    const auto clock = std::make_shared<ManualClock>();
    const auto storage = make_storage({.path = folder / "pools.db", .retained_leases = 0, .clock = clock});
    fill(*storage, 1, 1);
    for (int i = 0; i < 2'000; ++i) {  // each expires before the next
        ASSERT_TRUE(storage->acquire({.pool = "pool", .duration = std::chrono::seconds(1)}));
        clock->advance(std::chrono::seconds(6));
    }
    EXPECT_LT(count(folder / "pools.db", "lease"), 110) << "those of ten minutes";
}

TEST(SqliteHealth, RecordsStayBounded) {
    const Folder folder;
    const auto clock = std::make_shared<ManualClock>();
    const auto storage = make_storage({.path = folder / "pools.db",
                                       .health_retention = std::chrono::hours(1),
                                       .health_records_per_proxy = 5,
                                       .clock = clock});
    const auto proxies = fill(*storage, 2, 1);
    IHealthLog& health = require_health_log(*storage);
    const auto save = [&](ProxyId proxy) {
        health.save_health_record({.proxy_id = proxy, .checked_at = clock->now()});
        clock->advance(std::chrono::seconds(1));
    };
    for (int i = 0; i < 20; ++i) save(proxies[0].id);
    EXPECT_EQ(count(folder / "pools.db", "health_record"), 5);
    clock->advance(std::chrono::hours(1));
    EXPECT_TRUE(health.list_health_records({.proxy_id = proxies[0].id}).empty());
    save(proxies[1].id);
    EXPECT_EQ(count(folder / "pools.db", "health_record"), 2) << "a save forgets four";
    storage->cleanup_expired_leases({});
    EXPECT_EQ(count(folder / "pools.db", "health_record"), 1);
    health.apply_health_check_result({.proxy_id = proxies[1].id, .checked_at = clock->now()});
    storage->catalog()->remove_pool("pool", true);
    EXPECT_EQ(count(folder / "pools.db", "health_record"), 0);
    EXPECT_EQ(count(folder / "pools.db", "health_result"), 0);
}

}  // namespace
}  // namespace pharox::sqlite
