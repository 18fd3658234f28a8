// STATEMENTS.md shows every statement with its plan, and is up to date. PHAROX_UPDATE_PAGES=1 writes it anew.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "database.hpp"
#include "fixture.hpp"
#include "pick_plan.hpp"
#include "statement_text.hpp"

namespace pharox::postgres {
namespace {

class StatementsPage : public PostgresTest {
  protected:
    void SetUp() override {
        const auto store = open();
        // The planner's statistics are those of this test, whenever the server's own vacuum would run.
        for (const std::string& table : tables_of_the_schema())
            server().query("ALTER TABLE " + table + " SET (autovacuum_enabled = FALSE)");
        fill(*store, 1'000, [](int i, Proxy& proxy) { proxy.country = i % 2 == 0 ? "NO" : "SE"; });
        for (int i = 0; i < 200; ++i) {
            const AcquireResult acquired = store->acquire({.pool = "pool"});
            if (i % 2 == 0) store->release_lease({.lease_id = acquired.lease().id});
        }
        for (const std::string& table : tables_of_the_schema()) server().query("VACUUM ANALYZE " + table);
    }

    std::vector<std::string> tables_of_the_schema() {
        std::istringstream names(
            server().query("SELECT string_agg(schemaname || '.' || tablename, ' ') FROM pg_tables"
                           " WHERE schemaname = '" +
                           schema_ + "'"));
        return {std::istream_iterator<std::string>(names), {}};
    }

    /// As it is prepared for first_available without a filter.
    static std::string example_of(std::string_view statement) {
        return sqlkit::fill_slots(statement, {{"keys", "0"},
                                              {"conditions", ""},
                                              {"filter", ""},
                                              {"sort_order", "checked_at DESC, id"},
                                              {"progress", ""},
                                              {"draw", ""},
                                              {"move", "use_sequence = locked.use_sequence"}});
    }

    /// With the settings of the adapter's sessions, for all values alike. Empty for what has no plan.
    static std::string plan_of(Database& database, const std::string& sql) {
        return database.run({.name = "explain"}, Repeat::always, [&](Connection& connection) -> std::string {
            try {
                connection.command("PREPARE explained AS " + sql);
            } catch (const ServerError& error) {
                // No plan: neither a query nor a change of rows (42601), or of a temporary table (42P01).
                if (error.is("42601") || error.is("42P01")) return {};
                throw;
            }
            const int parameters = parameters_of(sql);
            std::string values;
            for (int i = 0; i < parameters; ++i) values += i == 0 ? "NULL" : ", NULL";
            const Rows rows = connection.execute(
                "EXPLAIN (COSTS OFF) EXECUTE explained" + (values.empty() ? "" : " (" + values + ")"), {},
                Plan::once);
            connection.command("DEALLOCATE explained");
            std::string plan;
            for (int row = 0; row < rows.size(); ++row) plan += std::string(rows.text(row, 0)) + '\n';
            return plan;
        });
    }
    static int parameters_of(const std::string& sql) {
        int most = 0;
        for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
            if (sql[i] == '$' && std::isdigit(static_cast<unsigned char>(sql[i + 1])) != 0)
                most = std::max(most, std::stoi(sql.substr(i + 1, 2)));
        }
        return most;
    }
    [[nodiscard]] std::string without_schema(std::string text) const {
        for (const std::string& name : {'"' + schema_ + "\".", schema_ + "."}) {
            for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name))
                text.replace(at, name.size(), "pharox.");
        }
        return text;
    }

    /// Their plans depend on the server's statistics of its own tables.
    static bool reads_catalogs(std::string_view statement) {
        return std::ranges::any_of(
            std::array<std::string_view, 3>{"pg_catalog.", "pg_stat_activity", "pg_locks"},
            [&](std::string_view name) { return statement.find(name) != std::string_view::npos; });
    }

    /// Under which heading, and the two lines.
    static std::string first_difference(const std::string& page, const std::string& expected) {
        std::istringstream written(page);
        std::istringstream generated(expected);
        std::string heading;
        for (;;) {
            std::string is;
            std::string should_be;
            const bool more = static_cast<bool>(std::getline(written, is));
            if (static_cast<bool>(std::getline(generated, should_be)) != more || is != should_be)
                return heading.append("\nthe page: ").append(is).append("\nthe store: ").append(should_be);
            if (!more) return "";
            if (is.starts_with('#')) heading = is;
        }
    }

    std::string page_of_statements() {
        Database database(options());
        std::ostringstream page;
        page << "<!-- Generated by the test StatementsPage with PHAROX_UPDATE_PAGES=1, with PostgreSQL 15. "
                "-->\n"
                "# Statements of the PostgreSQL adapter\n\n"
                "Every statement of [sql/](sql), as it is written there, with the output of `EXPLAIN (COSTS "
                "OFF)` "
                "for its generic plan\nunder the settings of the adapter's sessions. The files say what each "
                "answers and what its parameters are. Slots in braces\nare filled in once for each prepared "
                "statement; plans are those of `first_available` without a filter. `pharox.` stands for\nthe "
                "schema. Of statements that read the server's catalogs no plan is shown.\n";
        for (const sql::NamedStatement& statement : sql::all) {
            page << "\n## " << statement.name << "\n\n```sql\n" << statement.text << ";\n```\n";
            if (reads_catalogs(statement.text)) continue;
            const std::string plan = plan_of(database, database.in_schema(example_of(statement.text)));
            if (!plan.empty()) page << "\n```\n" << without_schema(plan) << "```\n";
        }
        page << "\n# Selectors\n\nThe plan of `acquire_unlocked` for each selector, alone and for one "
                "country.\n";
        PickStatements statements(database);
        const ProxyFilters filters[] = {{}, {.country = "NO"}};
        for (int selector = 0; selector < 6; ++selector) {
            page << "\n## " << to_string(static_cast<Selector>(selector)) << '\n';
            for (const ProxyFilters& filter : filters) {
                const PickPlan plan(static_cast<Selector>(selector), filter, false);
                page << "\n```\n"
                     << without_schema(plan_of(database, *statements.text(Pick::acquire_unlocked, plan)))
                     << "```\n";
            }
        }
        return page.str();
    }
};

TEST_F(StatementsPage, is_up_to_date) {
    const std::string expected = page_of_statements();
    const char* const update = std::getenv("PHAROX_UPDATE_PAGES");  // NOLINT(concurrency-mt-unsafe)
    if (update != nullptr) std::ofstream(PHAROX_STATEMENTS_PAGE) << expected;
    std::ostringstream page;
    page << std::ifstream(PHAROX_STATEMENTS_PAGE).rdbuf();
    EXPECT_EQ(first_difference(page.str(), expected), "")
        << "STATEMENTS.md is not up to date: run this test with PHAROX_UPDATE_PAGES=1 and look at the "
           "difference";
}

/// The planner puts their bodies into the statements: they cost no call.
TEST_F(StatementsPage, functions_of_the_schema_are_part_of_the_plans) {
    Database database(options());
    const std::string plan = database.run({.name = "explain"}, Repeat::always, [&](Connection& connection) {
        const Rows rows = connection.execute(
            database.in_schema(
                "EXPLAIN (VERBOSE, COSTS OFF) SELECT pharox.availability(status, max_concurrency, "
                "current_leases + 1), pharox.latency_key(latency_ms), "
                "pharox.next_random_key(random_key), pharox.next_weighted_key(weighted_key, weight), "
                "pharox.now_utc() FROM pharox.proxy"),
            {}, Plan::once);
        std::string text;
        for (int row = 0; row < rows.size(); ++row) text += std::string(rows.text(row, 0)) + '\n';
        return text;
    });
    EXPECT_EQ(plan.find("availability("), std::string::npos) << plan;
    EXPECT_EQ(plan.find("_key("), std::string::npos) << plan;
    EXPECT_EQ(plan.find("now_utc("), std::string::npos) << plan;
}

}  // namespace
}  // namespace pharox::postgres
