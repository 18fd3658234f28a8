// Which storage is used, and what it looks like on disk.
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

TEST_F(SettingsTest, TheDefaultIsForTheOwnerAlone) {
    ASSERT_EQ(pharox({"pool", "add", "eu"}).status, 0);
    struct stat about{};
    ASSERT_EQ(::stat(home_.file(".local/share/pharox").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat(home_.file(".local/share/pharox/pharox.db").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(SettingsTest, AWrongConfigFileIsRefused) {
    const std::string file = home_.write("pharox.toml", "# mine\nstorge = \"sqlite:a.db\"\n");
    environment_["PHAROX_CONFIG"] = file;
    const Finished done = pharox({"stats"});
    EXPECT_EQ(done.status, 2);
    EXPECT_EQ(done.errors, "pharox: " + file + ":2: unknown key \"storge\"; known is: storage\n");
    EXPECT_EQ(pharox({"run", "--pool", "eu", "--", "true"}).status, 125);
}

TEST_F(SettingsTest, MemoryIsRefusedByACommandThatEnds) {
    for (const char* storage : {"memory:", "sqlite::memory:"}) {
        const Finished done = pharox({"--storage", storage, "pool", "add", "eu"});
        EXPECT_EQ(done.status, 2);
        EXPECT_NE(done.errors.find("is gone when this command ends"), std::string::npos) << done.errors;
    }
}

TEST_F(SettingsTest, WrongStoragesAreNamed) {
    const Finished unknown = pharox({"--storage", "oracle://user:s3cret@host/db", "stats"});
    secrets_ = {"s3cret"};
    EXPECT_EQ(unknown.status, 2);
    EXPECT_NE(unknown.errors.find("sqlite"), std::string::npos) << unknown.errors;
    EXPECT_EQ(pharox({"--storage", "no url", "stats"}).status, 2);
    EXPECT_EQ(pharox({"--storage", url("absent/folder/a.db"), "stats"}).status, 5);
}

}  // namespace
}  // namespace pharox::test
