// Plans at 100,000 proxies: what an index serves discards at most 100 rows.
#include <algorithm>
#include <chrono>
#include <thread>

#include "database.hpp"
#include "fixture.hpp"
#include "pick_plan.hpp"

namespace pharox::postgres {
namespace {

class Plans : public PostgresTest {
  protected:
    static constexpr int proxies = 100'000;

    void SetUp() override {
        // One of each rare value among many: what a scan in order would discard shows.
        fill(*open(), proxies, [](int i, Proxy& proxy) {
            proxy.country = i == 77'777 ? "AQ" : "AR";
            proxy.source = i == 77'777 ? "rare" : "common";
            proxy.asn = i == 77'777 ? 1 : 7;
            proxy.protocol = i == 77'777 ? ProxyProtocol::socks4 : ProxyProtocol::http;
            proxy.city = "city " + std::to_string(i % 500);
            proxy.max_concurrency = 10;
            if (i % 1'000 == 777) proxy.tags = {i == 77'777 ? "rare" : "tagged"};
        });
        server().query("ANALYZE " + schema_ + ".proxy");
    }

    [[nodiscard]] std::string text(Pick pick, const PickPlan& plan) const {
        const Database database(options());
        return *PickStatements(database).text(pick, plan);
    }
    [[nodiscard]] std::string text(StatementId statement) const {
        return Database(options()).text(statement);
    }
    /// The parameters of diagnose_miss.
    static Parameters of_miss(const PickPlan& plan, bool look_for_full) {
        Parameters parameters;
        parameters.add(std::string("pool"))
            .add(LeaseId::make())
            .add(plan.allow_slow())
            .add(look_for_full)
            .add(false);
        plan.add_filter(parameters);
        return parameters;
    }
    /// The rows that the picking statement of a filter discards.
    std::int64_t discarded(const ProxyFilters& filters, Selector selector, std::string& explained) {
        const PickPlan plan(selector, filters, false);
        Parameters parameters;
        parameters.add(std::string("pool"));
        plan.add_filter(parameters);
        return discarded_by(text(Pick::find_active, plan), parameters, explained, plan.plan());
    }
    /// By the plan of the adapter's sessions: one for all values, except for Plan::once.
    std::int64_t discarded_by(const std::string& sql, const Parameters& parameters, std::string& explained,
                              Plan kept = Plan::prepared) {
        const std::string explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ";
        Database database(options());
        const Rows rows = database.run({.name = "explain"}, Repeat::always, [&](Connection& connection) {
            if (kept == Plan::once) return connection.execute(explain + sql, parameters, Plan::once);
            std::string types;
            std::string values;
            for (int i = 1; i <= parameters.size(); ++i) {
                const std::string number = "$" + std::to_string(i);
                types += ", pg_typeof(" + number + ")";
                values += ", quote_nullable(" + number + "::text)";
            }
            const Rows call = connection.execute(
                "SELECT concat_ws(', '" + types + "), concat_ws(', '" + values + ")", parameters, Plan::once);
            connection.command("PREPARE explained (" + std::string(call.text(0, 0)) + ") AS " + sql);
            return connection.execute(explain + "EXECUTE explained (" + std::string(call.text(0, 1)) + ")",
                                      {}, Plan::once);
        });
        std::int64_t sum = 0;
        for (int row = 0; row < rows.size(); ++row) {
            const std::string line(rows.text(row, 0));
            explained += line + '\n';
            if (line.find("Rows Removed by ") != std::string::npos)
                sum += std::stoll(line.substr(line.rfind(':') + 1));
            EXPECT_EQ(line.find("Seq Scan on proxy"), std::string::npos) << line;
        }
        return sum;
    }
    /// Of an acquire from an offset; `id` may be several.
    template <class IdOrIds>
    void expect_few(const std::string& sql, const PickPlan& plan, const IdOrIds& id) {
        Parameters parameters;
        parameters.add(std::string("pool"))
            .add(std::string("default"))
            .add(id)
            .add(std::int64_t{60'000})
            .add(std::optional<std::int64_t>())
            .add(Json::object())
            .add(std::int64_t{1})
            .add(std::int64_t{31});
        plan.add_filter(parameters);
        std::string explained;
        EXPECT_LE(discarded_by(sql, parameters, explained), 100) << explained;
        EXPECT_EQ(explained.find("Sort Key: proxy."), std::string::npos) << explained;
        EXPECT_EQ(explained.find("Hash Join"), std::string::npos) << explained;
        EXPECT_NE(explained.find("proxy_pkey on proxy proxy_1"), std::string::npos) << explained;
        // New ones for the next time.
        std::ranges::generate(ids_, [] { return LeaseId::make().bytes(); });
    }
    /// The most rows that a node of the plan has read.
    static std::int64_t most_rows(const std::string& explained) {
        constexpr std::string_view label = "actual rows=";
        std::int64_t most = 0;
        for (std::size_t at = explained.find(label); at != std::string::npos;
             at = explained.find(label, at + 1))
            most = std::max<std::int64_t>(most, std::stoll(explained.substr(at + label.size())));
        return most;
    }
    std::vector<UuidBytes> ids_{LeaseId::make().bytes(), LeaseId::make().bytes(), LeaseId::make().bytes()};
};

TEST_F(Plans, discard_few_rows) {
    const std::vector<ProxyFilters> served = {{},
                                              {.country = "AQ"},
                                              {.country = "AR"},
                                              {.source = "rare"},
                                              {.asn = std::int64_t{1}},
                                              {.protocol = ProxyProtocol::socks4},
                                              {.tags = {"rare"}},
                                              {.tags = {"tagged"}}};
    for (const ProxyFilters& filters : served) {
        std::string explained;
        EXPECT_LE(discarded(filters, Selector::first_available, explained), 100) << filters << '\n'
                                                                                 << explained;
    }
}

/// The index that is added for it serves the city, whatever else is asked for.
TEST_F(Plans, go_by_the_better_one_of_two_attributes) {
    const ProxyFilters filters{.country = "AR", .city = "city 7"};
    server().query(index_statement(Selector::first_available, "city", schema_));
    std::string explained;
    EXPECT_LE(discarded(filters, Selector::first_available, explained), 100) << explained;
    const PickPlan plan(Selector::first_available, filters, false);
    EXPECT_FALSE(plan.any_offset_will_do());
    EXPECT_LE(discarded_by(text(Pick::diagnose_miss, plan), of_miss(plan, true), explained, plan.plan()), 400)
        << explained;
}

TEST_F(Plans, from_an_offset_discard_few_rows) {
    for (const ProxyFilters& filters :
         {ProxyFilters{}, ProxyFilters{.country = "AR"}, ProxyFilters{.country = "AQ"}}) {
        const PickPlan plan(Selector::first_available, filters, false);
        ASSERT_TRUE(plan.any_offset_will_do());
        expect_few(text(Pick::acquire_at_offset, plan), plan, LeaseId::make());
        expect_few(text(Pick::acquire_batch, plan), plan, std::span<const UuidBytes>(ids_));
    }
    // Where a scan discards much as it is, it would discard as many times more as there are offsets.
    for (const ProxyFilters& filters :
         {ProxyFilters{.city = "Lima"}, ProxyFilters{.tags = {"rare"}}, ProxyFilters{.country = {"AR", "AQ"}},
          ProxyFilters{.country = "AR", .none_of = {{.asn = std::int64_t{7}}}}}) {
        EXPECT_FALSE(PickPlan(Selector::first_available, filters, false).any_offset_will_do()) << filters;
    }
    const ProxyFilters whole_pool;
    EXPECT_FALSE(PickPlan(Selector::lowest_latency, whole_pool, false).any_offset_will_do())
        << "the first one is the best";
}

TEST_F(Plans, of_releases_together_read_their_leases) {
    const auto store = open();
    std::vector<UuidBytes> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(store->acquire({.pool = "pool"}).lease().id.bytes());
    Parameters parameters;
    parameters.add(std::span<const UuidBytes>(ids)).add(std::int16_t{0}).add(std::int64_t{1});
    std::string explained;
    EXPECT_EQ(discarded_by(text(sql::end_leases_unlocked), parameters, explained), 0) << explained;
    EXPECT_EQ(explained.find("Hash Join"), std::string::npos) << explained;
    Parameters of_one;
    of_one.add(store->acquire({.pool = "pool"}).lease().id).add(std::int16_t{0}).add(std::int64_t{1});
    EXPECT_EQ(discarded_by(text(sql::end_lease_unlocked), of_one, explained), 0) << explained;
    EXPECT_EQ(leases(*store), 0);
}

TEST_F(Plans, of_every_order_read_an_index) {
    const auto store = open();
    for (const Selector selector : {Selector::round_robin, Selector::least_used, Selector::lowest_latency,
                                    Selector::random, Selector::weighted_random}) {
        // The first one completes the sort keys.
        const auto acquired = store->acquire({.pool = "pool", .selector = selector});
        ASSERT_TRUE(acquired) << selector;
        std::string explained;
        EXPECT_LE(discarded({}, selector, explained), 100) << explained;
        EXPECT_EQ(explained.find("Sort"), std::string::npos) << explained;
    }
    server().query(index_statement(Selector::round_robin, "country", schema_));
    std::string explained;
    EXPECT_LE(discarded({.country = "AQ"}, Selector::round_robin, explained), 100) << explained;
}

/// A waiter repeats it.
TEST_F(Plans, miss_reads_little) {
    server().query("UPDATE " + schema_ +
                   ".proxy SET current_leases = 10, availability = 4 WHERE country = 'AQ'");
    const std::vector<ProxyFilters> busy = {{.country = "AQ"},
                                            {.source = "rare"},
                                            {.asn = std::int64_t{1}},
                                            {.protocol = ProxyProtocol::socks4},
                                            {.tags = {"rare"}}};
    const std::vector<ProxyFilters> unknown = {{.country = "XX"}, {.source = "none"}, {.tags = {"none"}}};
    const auto store = open();
    const auto expect_miss = [&](const ProxyFilters& filters, Miss kind) {
        const PickPlan plan(Selector::first_available, filters, true);
        std::string explained;
        EXPECT_LE(discarded_by(text(Pick::diagnose_miss, plan), of_miss(plan, true), explained, plan.plan()),
                  100)
            << explained;
        const auto acquired = store->acquire({.pool = "pool", .filters = filters});
        ASSERT_FALSE(acquired) << filters;
        EXPECT_EQ(acquired.miss(), kind) << filters;
    };
    for (const ProxyFilters& filters : busy) expect_miss(filters, Miss::all_busy);
    for (const ProxyFilters& filters : unknown) expect_miss(filters, Miss::nothing_matches);
}

/// An acquire with a predicate diagnoses before it reads candidates, whatever the size of the pool.
TEST_F(Plans, look_reads_little_where_one_is_free) {
    const ProxyFilters filters{.country = "AR"};
    const PickPlan plan(Selector::first_available, filters, false);
    std::string explained;
    EXPECT_LE(discarded_by(text(Pick::diagnose_miss, plan), of_miss(plan, false), explained), 100)
        << explained;
}

/// Their number costs an acquire in another pool, or the removal of one proxy, nothing but entries of an
/// index.
TEST_F(Plans, expired_leases_of_another_pool_are_not_read) {
    const auto store = open();
    const Lease own = store->acquire({.pool = "pool"}).lease();
    server().query("INSERT INTO " + schema_ +
                   ".lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at,"
                   " fencing, metadata, call_key)"
                   " SELECT md5('lease' || i)::uuid, md5('proxy' || i)::uuid, md5('consumer')::uuid,"
                   " md5('pool')::uuid, 'other', 0, now() - interval '2 min', now() - interval '1 min', 1,"
                   " '{}', 1 FROM generate_series(1, 5000) i");
    server().query("ANALYZE " + schema_ + ".lease");
    const PickPlan plan(Selector::first_available, {}, false);
    const auto parameters = [] {
        return Parameters()
            .add(std::string("pool"))
            .add(std::string("default"))
            .add(LeaseId::make())
            .add(std::int64_t{60'000})
            .add(std::optional<std::int64_t>())
            .add(Json::object())
            .add(std::int64_t{1});
    };
    std::string explained;
    discarded_by(text(Pick::acquire_unlocked, plan), parameters().add(false), explained);
    discarded_by(text(Pick::acquire_at_offset, plan), parameters().add(std::int64_t{3}), explained);
    const std::optional<UuidBytes> none;
    const std::optional<UuidBytes> proxy = own.proxy_id.bytes();
    const Parameters of_proxy = Parameters().add(none).add(proxy).add(none);
    EXPECT_EQ(discarded_by(text(sql::has_active_leases_of), of_proxy, explained, Plan::once), 0);
    EXPECT_EQ(discarded_by(text(sql::end_leases_of), of_proxy, explained, Plan::once), 0);
    EXPECT_LE(most_rows(explained), 100) << explained;
}

/// Heap-only updates are what makes a lease cheap: a pool that does not maintain a sort key pays nothing for
/// it.
TEST_F(Plans, lease_writes_no_index_of_a_proxy_that_stays_available) {
    const auto updates = [&](const std::string& which) {
        return std::stoll(server().query("SELECT " + which +
                                         " FROM pg_stat_user_tables WHERE schemaname = '" + schema_ +
                                         "' AND relname = 'proxy'"));
    };
    constexpr int cycles = 500;
    {
        const auto store = open();
        for (int i = 0; i < cycles; ++i) {
            const auto acquired = store->acquire({.pool = "pool"});
            ASSERT_TRUE(acquired);
            store->release_lease({.lease_id = acquired.lease().id});
        }
    }
    // A session reports its counts when it ends.
    while (updates("n_tup_upd") < 2 * cycles) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_GE(updates("n_tup_hot_upd"), 2 * cycles * 9 / 10);
}

}  // namespace
}  // namespace pharox::postgres
