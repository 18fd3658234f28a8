// audit, backup and doctor.
#include <sqlite3.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class MaintenanceTest : public PharoxTest {
  protected:
    [[nodiscard]] std::string store() const { return home_.file(".local/share/pharox/pharox.db"); }
    void sql(const std::string& statement) const {
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open(store().c_str(), &database), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(database, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database);
        sqlite3_close(database);
    }
    /// The status of one check of doctor.
    std::string check(const std::string& name, std::vector<std::string> options = {}) {
        options.emplace_back("doctor");
        std::string output = pharox(std::move(options)).output;
        const auto line = output.find("\n" + name + " ");
        if (line == std::string::npos) return output;
        const auto begin = output.find_first_not_of(' ', line + 1 + name.size());
        return output.substr(begin, output.find(' ', begin) - begin);
    }
};

TEST_F(MaintenanceTest, AuditFindsAndCorrectsLeaseCounts) {
    import("latam", "192.0.2.1:8080\n192.0.2.2:8080\n");
    pharox({"acquire", "--pool", "latam"});
    EXPECT_EQ(pharox({"audit"}).output, "proxies 2 · active leases 1 · wrong lease counts 0\n");
    sql("UPDATE proxy SET current_leases = current_leases + 4 WHERE host = '192.0.2.2'");
    const Finished found = pharox({"audit", "--json"});
    EXPECT_EQ(found.status, 1);
    EXPECT_EQ(json_member(found.output, "counter"), "4");
    EXPECT_EQ(json_member(found.output, "active_leases"), "0");
    EXPECT_EQ(json_member(found.output, "repaired"), "0");
    const Finished repaired = pharox({"audit", "--repair"});
    EXPECT_EQ(repaired.status, 0);
    EXPECT_NE(repaired.output.find("wrong lease counts 1, corrected\n"), std::string::npos)
        << repaired.output;
    EXPECT_EQ(pharox({"audit"}).status, 0);
}

TEST_F(MaintenanceTest, BackupIsAStore) {
    import("latam", "192.0.2.1:8080\n192.0.2.2:8080\n");
    pharox({"acquire", "--pool", "latam", "--consumer", "scraper"});
    const std::string copy = home_.file("copy.db");
    const Finished made = pharox({"backup", copy, "--json"});
    EXPECT_EQ(made.status, 0) << made.errors;
    EXPECT_EQ(json_member(made.output, "proxies"), "2");
    EXPECT_EQ(json_member(made.output, "leases"), "1");
    EXPECT_EQ(json_member(made.output, "bytes"), std::to_string(std::filesystem::file_size(copy)));
    const Finished again = pharox({"backup", copy});
    EXPECT_EQ(again.status, 1);
    EXPECT_EQ(again.errors, "pharox: file: \"" + copy + "\" exists\n");
    EXPECT_EQ(pharox({"backup", copy, "--replace"}).status, 0);
    const Finished stats = pharox({"stats", "--storage", "sqlite://" + copy, "--json"});
    EXPECT_EQ(json_member(stats.output, "total_leases"), "1") << stats.errors;
    EXPECT_EQ(pharox({"backup", home_.file("none/copy.db")}).status, 5);
}

TEST_F(MaintenanceTest, BenchRemovesItsPool) {
    import("latam", "192.0.2.1:8080\n");
    const Finished done = pharox({"bench", "--duration", "300ms", "--threads", "2", "--json"});
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_GT(std::stol(json_member(done.output, "acquires")), 0);
    EXPECT_EQ(json_member(done.output, "errors"), "0");
    const std::string only_pool = "POOL   DESCRIPTION\nlatam  \n";
    EXPECT_EQ(pharox({"pool", "list"}).output, only_pool);

    Process interrupted(command({"bench", "--duration", "5m"}));
    ASSERT_TRUE(eventually([&] { return pharox({"pool", "list"}).output != only_pool; }));
    interrupted.send(SIGTERM);
    const Finished ended = interrupted.wait();
    EXPECT_TRUE(ended.by_signal);
    EXPECT_EQ(ended.status, 128 + SIGTERM);
    EXPECT_EQ(pharox({"pool", "list"}).output, only_pool);
    EXPECT_EQ(pharox({"bench", "--threads", "0"}).status, 2);
}

TEST_F(MaintenanceTest, DoctorReportsEachCheck) {
    const Finished fresh = pharox({"doctor", "--json"});
    EXPECT_EQ(fresh.status, 0) << fresh.output;
    EXPECT_EQ(check("store"), "skipped");
    EXPECT_FALSE(std::filesystem::exists(home_.file(".local"))) << "it creates nothing";

    import("latam", "192.0.2.1:8080\n");
    for (const char* name :
         {"configuration", "file_system", "disk_space", "permissions", "schema", "store", "clock"})
        EXPECT_EQ(check(name), "ok") << name;
    EXPECT_TRUE(json_member(pharox({"doctor", "--json"}).output, "status") == "ok");

    ::chmod(store().c_str(), 0644);
    EXPECT_EQ(check("permissions"), "warning");
    EXPECT_EQ(pharox({"doctor"}).status, 0) << "a warning is no failure";
    ::chmod(store().c_str(), 0600);

    sql("PRAGMA user_version = 1");
    EXPECT_EQ(check("schema"), "warning");
    EXPECT_EQ(check("store"), "skipped") << "opening it would migrate it";
    sql("PRAGMA user_version = 99");
    EXPECT_EQ(check("schema"), "failed");
    EXPECT_EQ(pharox({"doctor"}).status, 1);

    home_.write("broken.toml", "storge = 1\n");
    environment_["PHAROX_CONFIG"] = home_.file("broken.toml");
    EXPECT_EQ(check("configuration"), "failed");
    EXPECT_EQ(pharox({"doctor"}).status, 1);
}

TEST_F(MaintenanceTest, DoctorComparesClocks) {
    import("latam", "192.0.2.1:8080\n");
    ASSERT_EQ(pharox({"acquire", "--pool", "latam", "--duration", "1h"}).status, 0);
    // A lease of a process whose clock was an hour ahead: id and times.
    sql("UPDATE lease SET id = CAST(x'FFFF' || substr(id, 3) AS BLOB), acquired_at = acquired_at + "
        "3600000000, "
        "expires_at = expires_at + 3600000000");
    EXPECT_EQ(check("clock"), "warning");
}

TEST_F(MaintenanceTest, DoctorShowsNoPassword) {
    secrets_ = {"s3cret"};
    const Finished server =
        pharox({"--storage", "postgresql://u:s3cret@127.0.0.1:1/x?connect_timeout_ms=500&recovery_time_ms=1",
                "doctor"});
    EXPECT_EQ(server.status, 1) << server.output;
    home_.write(
        "with-password.toml",
        "storage = \"postgresql://u:s3cret@127.0.0.1:1/x?connect_timeout_ms=500&recovery_time_ms=1\"\n");
    environment_["PHAROX_CONFIG"] = home_.file("with-password.toml");
    ::chmod(home_.file("with-password.toml").c_str(), 0644);
    EXPECT_EQ(check("configuration"), "warning") << "others can read the password";
    ::chmod(home_.file("with-password.toml").c_str(), 0600);
    EXPECT_EQ(check("configuration"), "ok");
    const Finished other = pharox({"--storage", "sqlite:http://u:s3cret@h/x", "doctor"});
    EXPECT_EQ(other.status, 1) << other.output;
}

}  // namespace
}  // namespace pharox::test
