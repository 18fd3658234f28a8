#include "schema.hpp"

#include <string>

#include "migration_files.hpp"
#include "migrations.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {

namespace {

constexpr int oldest_server = 120'000;
constexpr Operation migrating{.name = "migrate"};

class VersionedSchema final : public sqlkit::VersionedDatabase {
  public:
    explicit VersionedSchema(Database& database) : database_(database) {}

    int version() override {
        if (connection_ != nullptr) return version(*connection_);
        return database_.run(migrating, Repeat::always,
                             [&](Connection& connection) { return version(connection); });
    }
    void apply(std::string_view migration, int version) override {
        connection_->command(statements_of(migration, version));
    }
    void transact(const std::function<void()>& work) override {
        database_.transact(migrating, [&](Connection& connection) {
            connection.execute(database_.text(sql::lock_migration),
                               Parameters().add(database_.options().schema), Plan::once);
            connection_ = &connection;
            work();
        });
        connection_ = nullptr;
    }
    [[noreturn]] void refuse(const std::string& why) override { fail(migrating, why); }
    [[nodiscard]] std::string name() const override { return "the database"; }

    [[nodiscard]] std::string statements_of(std::string_view migration, int version) const {
        std::string sql(migration);
        // There the name of the schema stands alone.
        constexpr std::string_view create = "CREATE SCHEMA IF NOT EXISTS pharox;";
        if (const std::size_t at = sql.find(create); at != std::string::npos) {
            sql.replace(at, create.size(),
                        "CREATE SCHEMA IF NOT EXISTS \"" + database_.options().schema + "\";");
        }
        sql += "UPDATE pharox.schema_version SET version = " + std::to_string(version) + ";\n";
        return database_.in_schema(sql);
    }

  private:
    int version(Connection& connection) {
        check_server(connection);
        const Rows there = connection.execute(database_.text(sql::has_schema),
                                              Parameters().add(database_.options().schema), Plan::once);
        if (!there.flag(0, 0)) return 0;
        const Rows version = connection.execute(database_.text(sql::schema_version), {}, Plan::once);
        return version.size() == 0 ? 0 : static_cast<int>(version.integer(0, 0));
    }
    void check_server(Connection& connection) {
        if (connection.server_version() < oldest_server) {
            refuse("the server is PostgreSQL " + std::to_string(connection.server_version() / 10'000) +
                   ": 12 is the oldest that is supported");
        }
        const Rows state = connection.execute(database_.text(sql::server_state), {}, Plan::once);
        if (state.text(0, 1) != "UTF8") {
            refuse("the database keeps text as " + std::string(state.text(0, 1)) +
                   ": make one with ENCODING 'UTF8'");
        }
    }

    Database& database_;
    Connection* connection_ = nullptr;  // in a transaction
};

MigrationPlan plan_from(const VersionedSchema& schema, const sqlkit::MigrationRunner& runner, int from) {
    MigrationPlan plan{.from = from, .to = runner.known()};
    int version = from;
    for (const std::string_view migration : runner.pending(from)) {
        plan.sql += schema.statements_of(migration, ++version);
    }
    return plan;
}

}  // namespace

MigrationPlan plan_migration(Database& database) {
    VersionedSchema schema(database);
    sqlkit::MigrationRunner runner(schema, migration_files);
    return plan_from(schema, runner, runner.stored());
}

MigrationPlan migrate(Database& database) {
    VersionedSchema schema(database);
    sqlkit::MigrationRunner runner(schema, migration_files);
    return plan_from(schema, runner, runner.migrate());
}

void expect_schema(Database& database) {
    VersionedSchema schema(database);
    sqlkit::MigrationRunner(schema, migration_files)
        .expect_newest(": run pharox migrate as the owner of the schema");
}

void check_schema_name(std::string_view name) {
    const bool valid =
        !name.empty() && name.size() <= 60 &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos &&
        !(name[0] >= '0' && name[0] <= '9') && !name.starts_with("pg_");
    if (valid) return;
    throw ValidationError("schema", name, "is not a name of up to 60 lower-case letters, digits and _");
}

}  // namespace pharox::postgres
