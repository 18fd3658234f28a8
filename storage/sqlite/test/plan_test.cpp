// Which index serves what: no pick sorts, and what is said to be served by an index is.
#include "fixture.hpp"
#include "sql_statements.hpp"
#include "src/dialect.hpp"
#include "src/order_index.hpp"

namespace pharox::sqlite {
namespace {

constexpr Selector selectors[] = {Selector::first_available, Selector::round_robin,
                                  Selector::least_used,      Selector::lowest_latency,
                                  Selector::random,          Selector::weighted_random};

std::vector<ProxyFilters> served() {
    std::vector<ProxyFilters> filters(8);
    filters[1].asn = 64500;
    filters[2].city = "Oslo";
    filters[3].isp = "Example";
    filters[4].source = "list";
    filters[5].country = "NO";
    filters[6].protocol = ProxyProtocol::socks5;
    filters[7].country = "NO";  // of several, the most selective
    filters[7].asn = 64500;
    filters[7].tags = {"fast"};
    return filters;
}

void expect_served(RawDatabase& raw, const PickPlan& plan) {
    PickPlan without_functions = plan;  // they are not registered in this connection
    without_functions.filter = {};
    const auto steps =
        raw.query("EXPLAIN QUERY PLAN " + pick_text(without_functions, PickQuery::available_proxies));
    ASSERT_EQ(steps.size(), 1U) << steps.back();
    EXPECT_NE(steps[0].find("SEARCH proxy USING INDEX " + index_name(index_of(plan))), std::string::npos)
        << steps[0];
    EXPECT_NE(steps[0].find("(pool_id=?"), std::string::npos) << steps[0];
    if (plan.equality.attribute == Attribute::none) return;
    const std::string equality = " AND " + std::string(sqlkit::column_of(plan.equality.attribute)) + "=?";
    EXPECT_NE(steps[0].find(equality), std::string::npos) << steps[0];
}

TEST(SqlitePlans, EverySelectorGoesAlongAnIndex) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 50, 10);
    for (const Selector selector : selectors) {
        for (const ProxyFilters& filters : served()) {
            storage->find_available_proxy(
                {.pool = "pool", .filters = filters, .selector = selector, .allow_slow = true});
            RawDatabase raw(folder / "pools.db");
            raw.execute("ANALYZE");
            for (const PickPlan& plan : sqlkit::plan_pick(dialect, selector, filters, true)) {
                expect_served(raw, plan);
            }
        }
    }
}

TEST(SqlitePlans, AFreshDatabasePaysForOneOrderOnly) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 1, 1);
    storage->acquire({.pool = "pool"});
    const auto orders = [&] {
        return RawDatabase(folder / "pools.db")
            .query(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%available = 1%' ORDER BY "
                "name");
    };
    EXPECT_EQ(orders(), std::vector<std::string>{"proxy_first_available"});
    storage->acquire({.pool = "pool", .filters = {.country = "NO"}, .selector = Selector::least_used});
    EXPECT_EQ(orders(), (std::vector<std::string>{"proxy_first_available", "proxy_least_used_by_country"}));
}

TEST(SqlitePlans, StatementsAboutLeasesNeverScan) {
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 50, 10);
    RawDatabase raw(folder / "pools.db");
    for (const std::string_view sql :
         {sql::expired_leases, sql::prune_leases, sql::release_context, sql::lease_by_id, sql::list_leases,
          sql::list_health_records, sql::prune_records_of_proxy, sql::prune_health_records}) {
        for (const std::string& step : raw.query("EXPLAIN QUERY PLAN " + std::string(sql))) {
            EXPECT_EQ(step.find("TEMP B-TREE"), std::string::npos) << step;
            EXPECT_EQ(step.find("SCAN lease"), std::string::npos) << step;
            EXPECT_EQ(step.find("SCAN health"), std::string::npos) << step;
        }
    }
}

TEST(SqlitePlans, ListsOfLeasesComeInTheOrderOfIds) {
    const Folder folder;
    fill(*make_storage({.path = folder / "pools.db"}), 50, 10);
    RawDatabase raw(folder / "pools.db");
    raw.execute("ANALYZE");
    EXPECT_EQ(raw.query("EXPLAIN QUERY PLAN " + std::string(sql::list_leases)),
              std::vector<std::string>{"SEARCH lease USING PRIMARY KEY (id>?)"});
}

TEST(SqliteFilters, AreComposedOfParametersAlone) {
    ProxyFilters filters;
    filters.country = {"a'b", "c"};
    filters.none_of.resize(1);
    filters.none_of[0].city = "x\"; DROP TABLE proxy; --";
    filters.metadata = {{.path = {"plan"}, .equals = "gold"}};
    const sqlkit::FilterSql sql = compile_filter(dialect, filters);
    EXPECT_EQ(
        sql.where,
        " AND coalesce(country IN (?, ?), 0) AND pharox_metadata_equals(metadata, ?, ?) AND NOT city IS ?");
    EXPECT_EQ(sql.values.size(), 5U);
    EXPECT_TRUE(sql.exact);
}

TEST(SqliteFilters, WithAPredicateAreASuperset) {
    ProxyFilters filters;
    filters.none_of.resize(1);
    filters.none_of[0].country = "NO";
    filters.none_of[0].predicate = [](const Proxy&) { return false; };
    const sqlkit::FilterSql sql = compile_filter(dialect, filters);
    EXPECT_FALSE(sql.exact);
    EXPECT_EQ(sql.where, " AND NOT (country IS ? AND 0)");
}

TEST(SqliteFilters, TooLargeForAStatementAreEvaluatedHere) {
    const Folder folder;
    const auto storage = make_storage({.path = folder / "pools.db"});
    const auto proxies = fill(*storage, 200, 1);
    auto wanted = *storage->catalog()->get_proxy(proxies[3].id);
    wanted.city = "9999";
    storage->catalog()->update_proxy(wanted);
    ProxyFilters filters;
    for (int i = 0; i < 10'000; ++i) {
        filters.any_of.emplace_back();
        filters.any_of.back().city = std::to_string(i);
    }
    EXPECT_FALSE(compile_filter(dialect, filters).exact);
    EXPECT_EQ(storage->find_available_proxy({.pool = "pool", .filters = filters}).proxy->id, wanted.id);
    EXPECT_EQ(storage->acquire({.pool = "pool", .filters = filters}).proxy().id, wanted.id);
    EXPECT_EQ(storage->catalog()->list_proxies({.pool = "pool", .filters = filters}).items.size(), 1U);
}

}  // namespace
}  // namespace pharox::sqlite
