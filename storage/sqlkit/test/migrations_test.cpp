#include "migrations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace pharox::sqlkit {
namespace {

constexpr std::array<std::string_view, 3> migrations = {"one", "two", "three"};

class FakeDatabase final : public VersionedDatabase {
  public:
    explicit FakeDatabase(int version) : stored(version) {}
    int version() override { return stored; }
    void apply(std::string_view migration, int version) override {
        if (migration == fails_at) throw std::runtime_error("the statement failed");
        applied.emplace_back(migration);
        stored = version;
    }
    void transact(const std::function<void()>& work) override {
        ++transactions;
        if (before_transaction) before_transaction();
        const int before = stored;
        try {
            work();
        } catch (...) {
            stored = before;
            applied.clear();
            throw;
        }
    }
    [[noreturn]] void refuse(const std::string& why) override { throw std::invalid_argument(why); }
    [[nodiscard]] std::string name() const override { return "the database"; }

    int stored;
    int transactions = 0;
    std::string_view fails_at{};
    std::function<void()> before_transaction{};
    std::vector<std::string> applied{};
};

using Texts = std::vector<std::string>;

std::string refusal_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

TEST(Migrations, lead_from_the_stored_version_to_the_newest_in_one_transaction) {
    FakeDatabase empty(0);
    MigrationRunner runner(empty, migrations);
    EXPECT_EQ(runner.known(), 3);
    EXPECT_EQ(runner.migrate(), 0);
    EXPECT_EQ(empty.applied, (Texts{"one", "two", "three"}));
    EXPECT_EQ(empty.stored, 3);
    EXPECT_EQ(empty.transactions, 1);

    FakeDatabase older(2);
    EXPECT_EQ(MigrationRunner(older, migrations).migrate(), 2);
    EXPECT_EQ(older.applied, Texts{"three"});
}

TEST(Migrations, write_nothing_where_there_is_nothing_to_do) {
    FakeDatabase newest(3);
    EXPECT_EQ(MigrationRunner(newest, migrations).migrate(), 3);
    EXPECT_EQ(newest.transactions, 0);
}

TEST(Migrations, of_another_process_meanwhile_are_not_repeated) {
    FakeDatabase database(1);
    database.before_transaction = [&] { database.stored = 2; };
    EXPECT_EQ(MigrationRunner(database, migrations).migrate(), 2);
    EXPECT_EQ(database.applied, Texts{"three"});
}

TEST(Migrations, that_fail_leave_the_old_version) {
    FakeDatabase database(0);
    database.fails_at = "two";
    EXPECT_THROW(MigrationRunner(database, migrations).migrate(), std::runtime_error);
    EXPECT_EQ(database.stored, 0);
}

TEST(Migrations, refuse_a_newer_schema_and_one_that_never_was) {
    for (const int version : {4, -1}) {
        FakeDatabase database(version);
        MigrationRunner runner(database, migrations);
        const std::string why = refusal_of([&] { runner.migrate(); });
        EXPECT_NE(why.find("the database has schema " + std::to_string(version)), std::string::npos) << why;
        EXPECT_FALSE(refusal_of([&] { runner.expect_newest(""); }).empty());
        EXPECT_EQ(database.transactions, 0);
    }
}

TEST(Migrations, expected_version_is_the_newest) {
    FakeDatabase newest(3);
    EXPECT_NO_THROW(MigrationRunner(newest, migrations).expect_newest(""));
    FakeDatabase older(2);
    EXPECT_EQ(refusal_of([&] { MigrationRunner(older, migrations).expect_newest(": run pharox migrate"); }),
              "the database has schema 2, this pharox needs 3: run pharox migrate");
}

}  // namespace
}  // namespace pharox::sqlkit
