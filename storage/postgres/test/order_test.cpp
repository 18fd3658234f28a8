// Sort keys are complete and equal to what they copy, whatever else changes while a pool first maintains
// them.
#include <array>
#include <atomic>
#include <latch>
#include <random>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

/// Those that need sort keys.
constexpr std::array prepared{Selector::round_robin, Selector::least_used, Selector::lowest_latency,
                              Selector::random, Selector::weighted_random};

class Orders : public PostgresTest {
  protected:
    [[nodiscard]] std::string wrong_rows() const {
        return server().query(
            "SELECT count(*) FROM " + schema_ + ".proxy p JOIN " + schema_ +
            ".pool ON pool.id = p.pool_id WHERE p.availability IS DISTINCT FROM CASE WHEN p.status IN (0, 2)"
            " THEN p.status + CASE WHEN p.current_leases >= p.max_concurrency THEN 4 ELSE 0 END END"
            " OR p.use_sequence_key IS DISTINCT FROM CASE WHEN pool.maintained_keys & 1 > 0 THEN "
            "p.use_sequence END"
            " OR p.lease_count_key IS DISTINCT FROM CASE WHEN pool.maintained_keys & 2 > 0 THEN "
            "p.current_leases END"
            " OR p.latency_key IS DISTINCT FROM CASE WHEN pool.maintained_keys & 4 > 0 THEN "
            "coalesce(p.latency_ms, "
            "'Infinity') END"
            " OR (p.random_key IS NULL) <> (pool.maintained_keys & 8 = 0) OR (p.weighted_key IS NULL) <> "
            "(pool.maintained_keys & "
            "16 = 0)");
    }
};

TEST_F(Orders, copies_are_complete_whatever_goes_on_meanwhile) {
    constexpr int pools = 2;
    constexpr int proxies = 12'000;  // three batches
    const auto store = open();
    store->ensure_consumer({.name = "default"});
    ProxyPool elsewhere = store->catalog()->add_pool({.name = "elsewhere"});
    for (int round = 0; round < pools; ++round) {
        const std::string name = "pool-" + std::to_string(round);
        const ProxyPool pool = store->catalog()->add_pool({.name = name});
        const auto some = [&](int from, int count) {
            std::vector<Proxy> made;
            for (int i = from; i < from + count; ++i) {
                made.push_back(
                    {.pool_id = pool.id,
                     .host = "10." + std::to_string(i / 65'536) + '.' + std::to_string(i / 256 % 256) + '.' +
                             std::to_string(i % 256),
                     .port = 8080,
                     .status = ProxyStatus::active,
                     .max_concurrency = i % 2 == 0 ? std::optional<std::int32_t>(2) : std::nullopt});
            }
            return made;
        };
        store->catalog()->add_proxies({.proxies = some(0, proxies)});
        std::atomic<bool> ready{false};
        std::atomic<int> next{proxies};
        std::latch all_here(5 + prepared.size());
        std::vector<std::jthread> others;
        const auto meanwhile = [&](auto work) {
            others.emplace_back([&, work] {
                std::minstd_rand dice(std::random_device{}());
                all_here.arrive_and_wait();
                while (!ready) work(dice);
            });
        };
        for (int i = 0; i < 2; ++i) {
            meanwhile([&](auto& dice) {
                const auto acquired = store->acquire(
                    {.pool = name,
                     .selector = dice() % 2 == 0 ? Selector::random : Selector::first_available});
                ASSERT_TRUE(acquired);
                if (dice() % 4 != 0) store->release_lease({.lease_id = acquired.lease().id});
            });
        }
        meanwhile([&](auto&) { store->catalog()->add_proxy(some(next++, 1).at(0)); });
        meanwhile([&](auto&) {
            const int from = next.fetch_add(300);
            store->catalog()->add_proxies({.proxies = some(from, 300)});
        });
        meanwhile([&](auto& dice) {
            // Away, and back.
            const auto page = store->catalog()->list_proxies(
                {.pool = name, .after = ProxyId::make().to_string().substr(0, 35) + "0", .limit = 1});
            auto moved = page.items.empty() ? store->catalog()->list_proxies({.pool = name, .limit = 1}).items
                                            : page.items;
            for (const PoolId to : {elsewhere.id, pool.id}) {
                moved.at(0).pool_id = to;
                moved.at(0).status = dice() % 2 == 0 ? ProxyStatus::active : ProxyStatus::slow;
                store->catalog()->update_proxy(moved.at(0));
            }
        });
        std::vector<std::jthread> asking;
        for (const Selector selector : prepared) {
            asking.emplace_back([&, selector] {
                all_here.arrive_and_wait();
                const auto acquired = store->acquire({.pool = name, .selector = selector});
                EXPECT_TRUE(acquired);
            });
        }
        asking.clear();
        ready = true;
        others.clear();
        EXPECT_EQ(wrong_rows(), "0") << name;
        EXPECT_EQ(
            server().query("SELECT complete_keys FROM " + schema_ + ".pool WHERE name = '" + name + "'"),
            "31");
    }
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(Orders, that_wait_for_an_import_leave_connections_to_others) {
    Options options = this->options();
    options.max_connections = 4;
    options.connection_wait = 5s;
    const auto store = make_storage(options);
    const ProxyPool pool = fill(*store, 8);
    const ProxyPool other = store->catalog()->add_pool({.name = "other"});
    store->catalog()->add_proxy(
        {.pool_id = other.id, .host = "10.1.1.1", .port = 80, .status = ProxyStatus::active});
    RawConnection import(server());
    import.query("BEGIN");
    import.query("SELECT 1 FROM " + schema_ + ".pool WHERE name = 'pool' FOR KEY SHARE");
    std::atomic<int> leased{0};
    std::vector<std::jthread> asking;
    for (int i = 0; i < 8; ++i) {
        asking.emplace_back(
            [&] { leased += store->acquire({.pool = "pool", .selector = Selector::round_robin}) ? 1 : 0; });
    }
    const std::string waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while (server().query(waiting) == "0") std::this_thread::sleep_for(1ms);
    for (int i = 0; i < 200; ++i) {
        const auto acquired = store->acquire({.pool = "other"});
        ASSERT_TRUE(acquired);
        store->release_lease({.lease_id = acquired.lease().id});
    }
    EXPECT_EQ(leased, 0);
    import.query("COMMIT");
    asking.clear();
    EXPECT_EQ(leased, 8);
}

TEST_F(Orders, pool_that_has_nothing_to_lease_is_not_prepared) {
    const auto store = open();
    fill(*store, 1, [](int, Proxy& proxy) { proxy.status = ProxyStatus::inactive; });
    const auto missed = store->acquire({.pool = "pool", .selector = Selector::round_robin});
    ASSERT_FALSE(missed);
    EXPECT_EQ(missed.miss(), Miss::nothing_matches);
    EXPECT_EQ(server().query("SELECT complete_keys FROM " + schema_ + ".pool"), "0");
}

TEST_F(Orders, repair_corrects_availability_and_sort_keys) {
    const auto store = open();
    fill(*store, 8);
    for (const Selector selector : prepared)
        ASSERT_TRUE(store->acquire({.pool = "pool", .selector = selector}));
    EXPECT_EQ(wrong_rows(), "0");
    for (const std::string wrong :
         {"availability = 2", "availability = NULL WHERE current_leases = 0", "use_sequence_key = NULL",
          "use_sequence_key = 7", "lease_count_key = NULL", "lease_count_key = 7", "latency_key = NULL",
          "latency_key = 7", "random_key = NULL", "weighted_key = NULL"}) {
        server().query("UPDATE " + schema_ + ".proxy SET " + wrong);
        EXPECT_NE(wrong_rows(), "0") << wrong;
        EXPECT_TRUE(store->maintenance()->repair().mismatches.empty()) << "the counters were right";
        EXPECT_EQ(wrong_rows(), "0") << wrong;
    }
}

}  // namespace
}  // namespace pharox::postgres
