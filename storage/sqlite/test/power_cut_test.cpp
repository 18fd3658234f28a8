// After a power cut only the synced bytes remain.
#include "fixture.hpp"
#include "synced_files.hpp"

namespace pharox::sqlite {
namespace {

/// The store after the power cut.
std::shared_ptr<IStorage> after_power_cut(const SyncedFiles& files, const Folder& folder) {
    files.restore_into(folder.path());
    return make_storage({.path = folder / "pools.db"});
}

TEST(SqlitePowerCut, LeavesEveryCatalogWrite) {
    const SyncedFiles files;
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    const auto proxies = fill(*storage, 100, 5);
    {
        const Folder later;
        const auto restored = after_power_cut(files, later);
        EXPECT_EQ(restored->catalog()->list_proxies({.pool = "pool", .limit = 1'000}).items.size(), 100U);
        EXPECT_TRUE(restored->acquire({.pool = "pool"}));
    }
    // Lease operations in between, which sync less, must not make later catalog writes sync less too.
    const auto acquired = storage->acquire({.pool = "pool"});
    Proxy changed = proxies[7];
    changed.country = "NO";
    storage->catalog()->update_proxy(changed);
    storage->catalog()->remove_proxy(proxies[8].id, true);
    storage->ensure_consumer({.name = "crawler"});
    storage->release_lease({.lease_id = acquired.lease().id});
    storage->catalog()->add_pool({.name = "second"});
    {
        const Folder later;
        const auto restored = after_power_cut(files, later);
        EXPECT_EQ(restored->catalog()->get_proxy(changed.id)->country, "NO");
        EXPECT_FALSE(restored->catalog()->get_proxy(proxies[8].id));
        EXPECT_TRUE(restored->catalog()->get_consumer("crawler"));
        EXPECT_TRUE(restored->catalog()->get_pool("second"));
    }
}

TEST(SqlitePowerCut, LeavesLeasesWhereAskedTo) {
    for (const Durability durability : {Durability::process, Durability::power}) {
        const SyncedFiles files;
        const Folder folder;
        const auto storage = make_storage({.path = folder / "pools.db", .durability = durability});
        fill(*storage, 10, 5);
        const auto acquired = storage->acquire({.pool = "pool"});
        const Folder later;
        const auto restored = after_power_cut(files, later);
        const auto found = restored->lease_control()->get_lease({.lease_id = acquired.lease().id});
        // The lost lease proves that this test detects a loss.
        EXPECT_EQ(found.has_value(), durability == Durability::power);
        EXPECT_EQ(restored->get_pool_stats({.pool = "pool"})->total_leases,
                  durability == Durability::power ? 1 : 0);
    }
}

}  // namespace
}  // namespace pharox::sqlite
