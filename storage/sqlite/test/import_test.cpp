// add_proxies of more proxies than one transaction takes: beside other writers, and when it fails or dies.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::sqlite {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

std::vector<Proxy> many(PoolId pool, int count, int first = 0) {
    std::vector<Proxy> proxies;
    for (int i = first; i < first + count; ++i) {
        proxies.push_back({.pool_id = pool,
                           .host = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250),
                           .port = 8080,
                           .status = ProxyStatus::active});
    }
    return proxies;
}

class SqliteImport : public testing::Test {
  protected:
    [[nodiscard]] std::shared_ptr<IStorage> open() const { return make_storage({.path = path_}); }
    [[nodiscard]] std::int64_t stored() const {
        return open()->get_pool_stats({.pool = pool_.name})->total_proxies;
    }
    /// Nothing is left of an import but its proxies.
    void expect_no_import() const {
        RawDatabase raw(path_);
        EXPECT_TRUE(raw.query("SELECT id FROM import").empty());
        EXPECT_TRUE(raw.query("SELECT id FROM staged_proxy").empty());
    }
    /// A process that adds these proxies is killed once the import has this stage.
    void add_and_be_killed(const std::vector<Proxy>& proxies, const std::string& stage) const {
        RawDatabase raw(path_);
        Child adding([&] {
            open()->catalog()->add_proxies({.proxies = proxies});
            return 0;
        });
        const std::string query = "SELECT id FROM import WHERE progress > 2 AND stage = " + stage;
        while (raw.query(query).empty()) ASSERT_TRUE(adding.running()) << "it ended first";
        adding.kill();
        adding.wait();
        ASSERT_FALSE(raw.query("SELECT id FROM import").empty()) << "it ended first";
    }

    Folder folder_;
    std::filesystem::path path_ = folder_ / "pools.db";
    ProxyPool pool_ = open()->catalog()->add_pool({.name = "imported"});
};

TEST_F(SqliteImport, OneKilledBeforeItsDecisionIsTakenBackAtTheNextOpening) {
    const auto proxies = many(pool_.id, 5'000);
    add_and_be_killed(proxies, "0");
    EXPECT_EQ(stored(), 0);
    expect_no_import();
    EXPECT_EQ(open()->catalog()->add_proxies({.proxies = proxies}).added, 5'000);
}

TEST_F(SqliteImport, OneKilledAfterItsDecisionIsCompletedAtTheNextOpening) {
    add_and_be_killed(many(pool_.id, 5'000), "1");
    EXPECT_EQ(stored(), 5'000);
    expect_no_import();
}

TEST_F(SqliteImport, AnOpenStorageSettlesOneOfAProcessThatDied) {
    const auto storage = open();
    add_and_be_killed(many(pool_.id, 5'000), "0");
    storage->cleanup_expired_leases({});
    expect_no_import();
    add_and_be_killed(many(pool_.id, 5'000), "0");
    EXPECT_EQ(storage->catalog()->add_proxies({.proxies = many(pool_.id, 300)}).added, 300);
    EXPECT_EQ(storage->get_pool_stats({.pool = pool_.name})->total_proxies, 300);
    expect_no_import();
}

TEST_F(SqliteImport, NothingIsVisibleOfOneThatFails) {
    auto proxies = many(pool_.id, 2'000);
    proxies.push_back(proxies.front());
    proxies.back().id = ProxyId::make();
    const auto storage = open();
    EXPECT_THROW(storage->catalog()->add_proxies({.proxies = proxies}), ConflictError);
    EXPECT_EQ(stored(), 0);
    expect_no_import();
    proxies.back() = many(PoolId::make(), 1).front();
    EXPECT_THROW(storage->catalog()->add_proxies({.proxies = proxies}), PoolNotFoundError);
    EXPECT_EQ(stored(), 0);
    expect_no_import();
}

TEST_F(SqliteImport, UpdatesFollowTheirOrderAsInOneTransaction) {
    const auto storage = open();
    auto stored_before = many(pool_.id, 1).front();
    storage->catalog()->add_proxy(stored_before);
    // The stored proxy moves to another identity, and a new one takes the identity that it had.
    auto proxies = many(pool_.id, 500, 1);
    proxies.front().id = stored_before.id;
    proxies.push_back(many(pool_.id, 1).front());
    proxies.push_back(proxies[1]);  // twice in the call
    proxies.back().country = "NO";
    const auto result =
        storage->catalog()->add_proxies({.proxies = proxies, .on_duplicate = DuplicatePolicy::update});
    EXPECT_EQ(result.added, 500);
    EXPECT_EQ(result.updated, 2);
    EXPECT_EQ(storage->get_pool_stats({.pool = pool_.name})->total_proxies, 501);
    EXPECT_EQ(storage->catalog()->get_proxy(stored_before.id)->host, proxies.front().host);
    EXPECT_EQ(storage->catalog()->get_proxy(proxies[500].id)->host, stored_before.host);
    EXPECT_EQ(storage->catalog()->get_proxy(proxies[1].id)->country, "NO");
}

TEST_F(SqliteImport, ARemovalKilledOnItsWayIsCompletedAtTheNextOpening) {
    const auto storage = open();
    const auto proxies = many(pool_.id, 10'000);
    storage->catalog()->add_proxies({.proxies = proxies});
    RawDatabase raw(path_);
    Child removing([&] { return open()->catalog()->remove_pool(pool_.name, false).removed ? 0 : 1; });
    while (raw.query("SELECT id FROM removed_pool").empty()) ASSERT_TRUE(removing.running());
    removing.kill();
    removing.wait();
    ASSERT_FALSE(raw.query("SELECT id FROM proxy LIMIT 1").empty()) << "it ended first";
    EXPECT_FALSE(storage->catalog()->get_pool(pool_.name));
    EXPECT_FALSE(storage->get_pool_stats({.pool = pool_.name}));
    EXPECT_FALSE(storage->catalog()->get_proxy(proxies.back().id));
    EXPECT_FALSE(storage->catalog()->remove_proxy(proxies.back().id, false).removed);
    EXPECT_THROW(storage->create_lease({.proxy_id = proxies.back().id}), Error);
    EXPECT_THROW(storage->catalog()->add_pool(pool_), ConflictError) << "its id is in use until then";

    storage->cleanup_expired_leases({});
    EXPECT_TRUE(raw.query("SELECT id FROM proxy").empty());
    EXPECT_TRUE(raw.query("SELECT id FROM removed_pool").empty());
    EXPECT_EQ(storage->catalog()->add_pool(pool_).id, pool_.id);
    EXPECT_EQ(storage->catalog()->add_proxies({.proxies = proxies}).added, 10'000);
}

TEST_F(SqliteImport, AnIdentityThatIsStagedIsTaken) {
    const auto storage = open();
    const auto proxies = many(pool_.id, 20'000);
    RawDatabase raw(path_);
    Child adding([&] {
        open()->catalog()->add_proxies({.proxies = proxies});
        return 0;
    });
    while (raw.query("SELECT id FROM staged_proxy LIMIT 1").empty()) ASSERT_TRUE(adding.running());
    auto same = proxies.front();
    same.id = ProxyId::make();
    EXPECT_THROW(storage->catalog()->add_proxy(same), ConflictError);
    // Waits for the other one, then finds the stored proxies.
    EXPECT_EQ(
        storage->catalog()->add_proxies({.proxies = {same}, .on_duplicate = DuplicatePolicy::skip}).skipped,
        1);
    EXPECT_EQ(adding.wait(), 0);
}

TEST_F(SqliteImport, SeveralAtOnceFollowEachOther) {
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&, i] {
            return open()->catalog()->add_proxies({.proxies = many(pool_.id, 1'000, i * 1'000)}).added ==
                           1'000
                       ? 0
                       : 1;
        });
    }
    for (Child& child : children) EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(stored(), 4'000);
    expect_no_import();
}

TEST_F(SqliteImport, OtherWritersDoNotWaitForItsEnd) {
    fill(*open(), 10, 10);
    struct Beside {
        std::atomic<bool> stop;
        std::atomic<int> cycles;
        std::atomic<std::int64_t> longest_us;
    };
    Shared<Beside> beside;
    Child leasing([&] {
        const auto storage = open();
        while (!beside->stop) {
            const auto asked = Steady::now();
            const auto acquired = storage->acquire({.pool = "pool"});
            if (!acquired || !storage->release_lease({.lease_id = acquired.lease().id}).released) return 1;
            const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - asked);
            beside->longest_us = std::max<std::int64_t>(beside->longest_us, took.count());
            ++beside->cycles;
        }
        return 0;
    });
    while (beside->cycles == 0) ASSERT_TRUE(leasing.running());
    const int before = beside->cycles;
    const auto start = Steady::now();
    open()->catalog()->add_proxies({.proxies = many(pool_.id, 20'000)});
    const auto took = Steady::now() - start;
    EXPECT_GT(beside->cycles - before, 20);
    EXPECT_LT(std::chrono::microseconds(beside->longest_us), took / 2)
        << "a cycle waited for the whole import";
    beside->stop = true;
    EXPECT_EQ(leasing.wait(), 0);
}

}  // namespace
}  // namespace pharox::sqlite
