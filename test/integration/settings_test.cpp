// Which storage is used, and its files.
#include <sys/stat.h>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class SettingsTest : public PharoxTest {
  protected:
    [[nodiscard]] std::string url(const std::string& name) const { return "sqlite://" + home_.file(name); }
    [[nodiscard]] bool exists(const std::string& name) const {
        return std::filesystem::exists(home_.path() / name);
    }
};

TEST_F(SettingsTest, FlagThenEnvironmentThenConfigFileThenDefault) {
    const std::vector<std::string> arguments = {"pool", "add", "eu"};
    ASSERT_EQ(pharox(arguments).status, 0);
    EXPECT_TRUE(exists(".local/share/pharox/pharox.db"));

    home_.write(".config/pharox/config.toml", "storage = \"" + url("config.db") + "\"\n");
    ASSERT_EQ(pharox(arguments).status, 0);
    EXPECT_TRUE(exists("config.db"));

    environment_["PHAROX_STORAGE"] = url("environment.db");
    ASSERT_EQ(pharox(arguments).status, 0);
    EXPECT_TRUE(exists("environment.db"));

    ASSERT_EQ(pharox({"--storage", url("flag.db"), "pool", "add", "eu"}).status, 0);
    EXPECT_TRUE(exists("flag.db"));
    ASSERT_EQ(pharox({"pool", "add", "us", "--storage", url("flag.db")}).status, 0);
    EXPECT_EQ(pharox({"--storage", url("flag.db"), "pool", "list"}).output,
              "POOL  DESCRIPTION\neu    \nus    \n");
}

TEST_F(SettingsTest, DefaultStorageIsReadableOnlyByTheOwner) {
    ASSERT_EQ(pharox({"pool", "add", "eu"}).status, 0);
    struct stat about{};
    ASSERT_EQ(::stat(home_.file(".local/share/pharox").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat(home_.file(".local/share/pharox/pharox.db").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(SettingsTest, InvalidConfigFileIsRefused) {
    const std::string file = home_.write("pharox.toml", "# mine\nstorge = \"sqlite:a.db\"\n");
    environment_["PHAROX_CONFIG"] = file;
    const Finished done = pharox({"stats"});
    EXPECT_EQ(done.status, 2);
    EXPECT_EQ(done.errors, "pharox: " + file + ":2: unknown key \"storge\"; the only key is storage\n");
    EXPECT_EQ(pharox({"run", "--pool", "eu", "--", "true"}).status, 125);
}

TEST_F(SettingsTest, MemoryStorageIsRefused) {
    for (const char* storage : {"memory:", "sqlite::memory:"}) {
        const Finished done = pharox({"--storage", storage, "pool", "add", "eu"});
        EXPECT_EQ(done.status, 2);
        EXPECT_NE(done.errors.find("would be lost when this command ends"), std::string::npos) << done.errors;
    }
}

TEST_F(SettingsTest, MisplacedArgumentsShowNoPassword) {
    secrets_ = {"s3cret"};
    const std::string url = "postgresql://u:s3cret@h/x";
    const std::string line = "1.2.3.4:80:u:s3cret";
    const auto expect = [&](const std::vector<std::string>& arguments, int status,
                            const std::string& complaint) {
        const Finished done = pharox(arguments);
        EXPECT_EQ(done.status, status) << complaint;
        EXPECT_EQ(done.errors, "pharox: " + complaint + "\n");
    };
    import("eu", "192.0.2.1:1\n");
    const std::string storge = "\"--storge\" is not expected here";
    const std::string behind = " (the command follows --, as in pharox run --pool POOL -- COMMAND…)";
    const std::string help = " (pharox --help)";
    expect({"--storge", url, "pool", "list"}, 2, storge + help);
    expect({"--storge=" + url, "pool", "list"}, 2, storge + help);
    expect({"pool", "list", "--storge", url}, 2, storge + help);
    expect({"--storge", url, "run", "-p", "eu", "--", "true"}, 125, storge + behind);
    expect({"run", "-p", "eu", "curl", "http://u:s3cret@h"}, 125, "\"curl\" is not expected here" + behind);
    expect({"--passwd", "s3cret", "pool", "list"}, 2, "\"--passwd\" is not expected here" + help);
    expect({"pool", "list", "-xs3cret"}, 2, "\"-x\" is not expected here" + help);
    expect({"pool", "list", url}, 2, "\"***\" is not expected here" + help);
    expect({url}, 2, "unknown command \"***\"" + help);
    expect({"pool", "lst", url}, 2, R"(unknown command "lst"; did you mean "list"?)" + help);
    expect({"sats", "--help"}, 2, R"(unknown command "sats"; did you mean "stats"?)" + help);
    expect({"pool", "list", "--json=" + url}, 2, "Could not convert: --json" + help);

    const std::string absent = " cannot be read: No such file or directory";
    expect({"import", "-p", "eu", line}, 2, "list: ***" + absent);
    expect({"import", "-p", "eu", "absent.txt"}, 2, "list: \"absent.txt\"" + absent);
    expect({"proxy", "remove", line}, 2, "proxy_id: *** is not a UUID");
    expect({"proxy", "set-status", line, line}, 2, "status: *** is not active, inactive, slow or banned");
    expect({"stats", "-p", line}, 4, "pool \"***\" does not exist");
    expect({"run", "-p", line, "--", "true"}, 123, "pool \"***\" does not exist");
    expect({"run", "-p", "eu", "--wait", line, "--", "true"}, 125,
           "wait: *** is not a duration such as 250ms, 90s, 5m, 1h or 2d");
    expect({"run", "-p", "eu", "--", "http://u:s3cret@h"}, 127, "***: No such file or directory");
}

TEST_F(SettingsTest, InvalidStoragesAreReported) {
    const Finished unknown = pharox({"--storage", "oracle://user:s3cret@host/db", "stats"});
    secrets_ = {"s3cret"};
    EXPECT_EQ(unknown.status, 2);
    EXPECT_NE(unknown.errors.find("sqlite"), std::string::npos) << unknown.errors;
    EXPECT_EQ(pharox({"--storage", "no url", "stats"}).status, 2);
    EXPECT_EQ(pharox({"--storage", url("absent/folder/a.db"), "stats"}).status, 5);
}

}  // namespace
}  // namespace pharox::test
