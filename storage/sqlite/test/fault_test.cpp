// External failures: a clock that throws, a full disk. Nothing is changed, and the errors are retryable with
// a known outcome.
#include <functional>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/maintenance.hpp"
#include "synced_files.hpp"

namespace pharox::sqlite {
namespace {

/// Throws while `failing_` is set.
class FailingClock final : public Clock {
  public:
    [[nodiscard]] Timestamp now() const override {
        if (failing_) throw std::runtime_error("no time");
        return Timestamp(std::chrono::days(20'000));
    }
    void set_failing(bool failing) { failing_ = failing; }

  private:
    std::atomic<bool> failing_{false};
};

/// Each call that a transaction carries out, by name.
std::vector<std::pair<std::string, std::function<void()>>> calls_of(IStorage& storage, const Proxy& proxy) {
    ICatalog& catalog = require_catalog(storage);
    ILeaseControl& control = require_lease_control(storage);
    IMaintenance& maintenance = require_maintenance(storage);
    IHealthLog& health = require_health_log(storage);
    ProxyFilters with_predicate;
    with_predicate.predicate = [](const Proxy&) { return true; };
    return {
        {"find_available_proxy", [&] { storage.find_available_proxy({.pool = "pool"}); }},
        {"find by round_robin",
         [&] { storage.find_available_proxy({.pool = "pool", .selector = Selector::round_robin}); }},
        {"find by predicate",
         [&, with_predicate] { storage.find_available_proxy({.pool = "pool", .filters = with_predicate}); }},
        {"acquire", [&] { storage.acquire({.pool = "pool"}); }},
        {"acquire_many", [&] { storage.acquire_many({.each = {.pool = "pool"}, .count = 2}); }},
        {"create_lease", [&, proxy] { storage.create_lease({.proxy_id = proxy.id}); }},
        {"release_lease", [&] { storage.release_lease({.lease_id = LeaseId::make()}); }},
        {"cleanup", [&] { storage.cleanup_expired_leases({}); }},
        {"get_pool_stats", [&] { storage.get_pool_stats({.pool = "pool"}); }},
        {"ensure_consumer", [&] { storage.ensure_consumer({.name = "new"}); }},
        {"renew_lease", [&] { control.renew_lease({.lease_id = LeaseId::make()}); }},
        {"list_leases", [&] { control.list_leases({}); }},
        {"add_pool", [&] { catalog.add_pool({.name = "second"}); }},
        {"get_pool", [&] { catalog.get_pool("pool"); }},
        {"list_proxies", [&] { catalog.list_proxies({.pool = "pool"}); }},
        {"remove_proxy", [&] { catalog.remove_proxy(ProxyId::make(), true); }},
        {"apply_health_check_result",
         [&, proxy] {
             health.apply_health_check_result({.proxy_id = proxy.id, .status = ProxyStatus::active});
         }},
        {"list_health_records", [&, proxy] { health.list_health_records({.proxy_id = proxy.id}); }},
        {"ping", [&] { maintenance.ping(); }},
        {"audit", [&] { maintenance.audit(); }},
        {"repair", [&] { maintenance.repair(); }}};
}

void expect_no_call_leaves_a_transaction(const std::filesystem::path& path) {
    const auto clock = std::make_shared<FailingClock>();
    const auto storage = make_storage({.path = path, .busy_timeout = Duration(0), .clock = clock});
    const auto proxies = fill(*storage, 1, 1'000);
    for (const auto& [name, call] : calls_of(*storage, proxies[0])) {
        clock->set_failing(true);
        EXPECT_THROW(call(), std::runtime_error) << name;
        clock->set_failing(false);
        EXPECT_NO_THROW(call()) << name << " after it";
        EXPECT_TRUE(storage->acquire({.pool = "pool"})) << "after " << name;
        if (path == ":memory:") continue;
        RawDatabase raw(path);
        raw.execute("PRAGMA busy_timeout = 0");
        EXPECT_NO_THROW(raw.execute("BEGIN IMMEDIATE; ROLLBACK")) << "the file is locked after " << name;
    }
}

TEST(SqliteClock, ThatThrowsLeavesNoTransactionOpen) {
    const Folder folder;
    expect_no_call_leaves_a_transaction(folder / "pools.db");
    expect_no_call_leaves_a_transaction(":memory:");
}

TEST(SqliteFullDisk, IsNoticedByPingAndHasNoEffect) {
    for (const Durability durability : {Durability::process, Durability::power}) {
        SyncedFiles files;
        const Folder folder;
        const auto storage = make_storage({.path = folder / "pools.db", .durability = durability});
        fill(*storage, 1, 1);
        IMaintenance& maintenance = require_maintenance(*storage);
        const LeaseId lease = LeaseId::make();
        files.set_full(true);
        const auto expect_refused = [](const char* name, const auto& call) {
            try {
                call();
                ADD_FAILURE() << name << " answered on a full disk";
            } catch (const StorageError& error) {
                EXPECT_NE(std::string(error.what()).find("full"), std::string::npos) << error.what();
                EXPECT_TRUE(error.retryable()) << name;
                EXPECT_FALSE(error.outcome_unknown()) << name;
            }
        };
        expect_refused("ping", [&] { maintenance.ping(); });
        expect_refused("acquire", [&] { storage->acquire({.pool = "pool", .lease_id = lease}); });
        expect_refused("add_pool", [&] { storage->catalog()->add_pool({.name = "second"}); });
        EXPECT_FALSE(storage->lease_control()->get_lease({.lease_id = lease}));
        files.set_full(false);
        EXPECT_FALSE(storage->catalog()->get_pool("second"));
        EXPECT_TRUE(storage->acquire({.pool = "pool", .lease_id = lease}));
        EXPECT_TRUE(maintenance.audit().mismatches.empty());

        files.set_full(true);
        expect_refused("release_lease", [&] { storage->release_lease({.lease_id = lease}); });
        files.set_full(false);
        EXPECT_TRUE(storage->release_lease({.lease_id = lease}).released);
        maintenance.ping();
    }
}

TEST(SqliteFullDisk, StopsNoLeaseWherePingFindsRoom) {
    SyncedFiles files;
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 1, 1);
    IMaintenance& maintenance = require_maintenance(*storage);
    maintenance.ping();
    files.set_full(true);
    maintenance.ping();
    EXPECT_TRUE(storage->acquire({.pool = "pool"}));
}

}  // namespace
}  // namespace pharox::sqlite
