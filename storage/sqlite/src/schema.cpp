#include "schema.hpp"

#include "migration_files.hpp"
#include "migrations.hpp"
#include "pharox/errors.hpp"

namespace pharox::sqlite {

namespace {

constexpr std::int64_t application_id = 0x50486158;  // "PHaX", in the file's header

/// Refusals of a file name no operation: the file is what is wrong.
constexpr Operation the_file{.name = ""};

class VersionedFile final : public sqlkit::VersionedDatabase {
  public:
    VersionedFile(Connection& connection, const std::string& file) : connection_(connection), file_(file) {}

    int version() override {
        if (connection_.in_transaction()) return checked_version();
        // In one transaction, so that a schema that another process creates now is seen before or after.
        int version = 0;
        read_in_transaction([&] { version = checked_version(); });
        return version;
    }
    void apply(std::string_view migration, int version) override {
        connection_.execute(std::string(migration).c_str());
        connection_.execute(("PRAGMA application_id = " + std::to_string(application_id) +
                             "; PRAGMA user_version = " + std::to_string(version))
                                .c_str());
    }
    void transact(const std::function<void()>& work) override {
        connection_.execute("BEGIN IMMEDIATE");
        try {
            work();
            connection_.commit();
        } catch (...) {
            connection_.rollback();
            throw;
        }
    }
    [[noreturn]] void refuse(const std::string& why) override { fail(the_file, why); }
    [[nodiscard]] std::string name() const override { return file_; }

  private:
    void read_in_transaction(const std::function<void()>& read) {
        connection_.execute("BEGIN");
        try {
            read();
            connection_.execute("COMMIT");
        } catch (...) {
            connection_.rollback();
            throw;
        }
    }
    int checked_version() {
        const std::int64_t application = connection_.query_integer("PRAGMA application_id");
        const std::int64_t version = connection_.query_integer("PRAGMA user_version");
        if (application == application_id) return static_cast<int>(version);
        const bool empty = application == 0 && version == 0 &&
                           connection_.query_integer("SELECT count(*) FROM sqlite_schema") == 0;
        if (!empty) refuse(file_ + " is a database of something else, not of pharox: choose another file");
        return 0;
    }

    Connection& connection_;
    const std::string& file_;
};

}  // namespace

void check_schema(Connection& connection, const std::string& file) {
    stored_and_known_schema(connection, file);
}

SchemaVersions stored_and_known_schema(Connection& connection, const std::string& file) {
    VersionedFile database(connection, file);
    sqlkit::MigrationRunner runner(database, migration_files);
    return {.stored = runner.stored(), .known = runner.known()};
}

void require_known_schema(Connection& connection, const std::string& file) {
    VersionedFile database(connection, file);
    sqlkit::MigrationRunner(database, migration_files).expect_newest("");
}

void migrate(Connection& connection, const std::string& file) {
    VersionedFile database(connection, file);
    sqlkit::MigrationRunner(database, migration_files).migrate();
}

}  // namespace pharox::sqlite
