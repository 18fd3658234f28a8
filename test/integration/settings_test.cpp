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
    const std::string storge = R"("--storge" is not expected here; did you mean "--storage"?)";
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
    expect({"proxy", "remove", line}, 2,
           "proxy: *** is not an id, a host, host:port or scheme://host:port, without a user");
    expect({"proxy", "set-status", line, line}, 2, "status: *** is not active, inactive, slow or banned");
    expect({"stats", "-p", line}, 4, "pool \"***\" does not exist");
    expect({"run", "-p", line, "--", "true"}, 123, "pool \"***\" does not exist");
    expect({"run", "-p", "eu", "--wait", line, "--", "true"}, 125,
           "wait: *** is not a duration such as 250ms, 90s, 5m, 1h30m or 2d");
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

/// Every way in which a storage can be named: the flag, the variable, the config file.
TEST_F(SettingsTest, ErrorsShowNothingOfAUrlThatMayBeAPassword) {
    secrets_ = {"s3cret"};
    const std::vector<std::string> urls = {
        "sqlite:http://user:s3cret@host/x",
        "sqlite:absent/user:s3cret@host",
        "sqlite://user:s3cret/x",
        "sqlite:///absent/user:s3cret@host/a.db",
        "sqlite:" + home_.file("a.db") + "?u:s3cret=1",
        "sqlite:" + home_.file("a.db") + "?p%3ds3cret=1",
        "user:s3cret@host",
        "host=127.0.0.1 password=s3cret",
    };
    for (const std::string& url : urls) {
        for (const std::vector<std::string>& command :
             {std::vector<std::string>{"stats"}, {"run", "-p", "eu", "--", "true"}, {"migrate"}}) {
            std::vector<std::string> with_flag = command;
            with_flag.insert(with_flag.begin(), {"--storage", url});
            EXPECT_NE(pharox(with_flag).status, 0) << url;
            environment_["PHAROX_STORAGE"] = url;
            EXPECT_NE(pharox(command).status, 0) << url;
            environment_.erase("PHAROX_STORAGE");
            home_.write(".config/pharox/config.toml", "storage = '" + url + "'\n");
            EXPECT_NE(pharox(command).status, 0) << url;
            std::filesystem::remove(home_.path() / ".config/pharox/config.toml");
        }
    }
    home_.write(".config/pharox/config.toml", "'http://u:s3cret@host' = 1\n");
    EXPECT_EQ(pharox({"stats"}).status, 2);
    environment_["PHAROX_CONFIG"] = "postgresql://u:s3cret@host/x";
    EXPECT_EQ(pharox({"stats"}).errors, "pharox: ***: cannot be read: No such file or directory\n");
}

TEST_F(SettingsTest, NamesThatMayHoldAPasswordAreNotRepeated) {
    const std::string line = "192.0.2.1:80:u:s3cret";
    ASSERT_EQ(pharox({"pool", "add", line}).status, 0);  // its own name, which it prints
    import("eu", "192.0.2.1:1\n");
    const Finished twice = pharox({"pool", "add", line});
    EXPECT_EQ(twice.status, 1);
    EXPECT_EQ(twice.errors.find("s3cret"), std::string::npos) << twice.errors;
    const Finished miss = pharox({"acquire", "--json", "-p", line + "x"});
    EXPECT_EQ(miss.status, 4);
    EXPECT_EQ(miss.output, "{\"miss\":\"pool_unknown\",\"pool\":\"***\"}\n");
}

TEST_F(SettingsTest, AFolderThatCannotBeMadeIsAFailureOfTheStorageWithItsReason) {
    const auto expect = [&](const std::string& home, const std::string& folder, const std::string& reason) {
        environment_["HOME"] = home;
        const Finished done = pharox({"pool", "list"});
        EXPECT_EQ(done.status, 5) << home;
        EXPECT_TRUE(done.errors.starts_with("pharox: storage sqlite: open: cannot create the directory " +
                                            folder + ": " + reason))
            << done.errors;
    };
    expect(home_.write("file", ""), home_.file("file/.local"), "Not a directory\n");
    // Nobody can create a directory in the kernel's file systems: on a read-only mount EROFS, else EPERM or
    // EACCES.
    expect("/sys", "/sys/.local", "");
    environment_["HOME"] = home_.path().string();
    EXPECT_EQ(pharox({"--storage", "sqlite://" + home_.path().string(), "pool", "list"}).errors,
              "pharox: storage sqlite: open: " + home_.path().string() +
                  ": unable to open database file (Is a directory)\n");
}

TEST_F(SettingsTest, OutputThatCannotBeWrittenIsAFailure) {
    import("eu", "192.0.2.1:1\n");
    environment_["PHAROX"] = PHAROX_PROGRAM;
    environment_["LIST"] = home_.write("list", "192.0.2.2:1\n");
    const auto shell = [&](const std::string& script) {
        return watched(run_process({.arguments = {"/bin/sh", "-c", script}, .environment = environment_}));
    };
    const std::string complaint = "pharox: standard output: cannot be written\n";
    for (const char* command :
         {"pool list", "pool list --json", "proxy list --pool eu --json", "stats --json", "cleanup --json",
          "acquire --pool eu --json", "import --pool eu --dry-run --json \"$LIST\"", "--help", "--version"}) {
        for (const char* output : {">/dev/full", ">&-"}) {
            const Finished done = shell("\"$PHAROX\" " + std::string(command) + " " + output);
            EXPECT_EQ(done.status, 1) << command << output << done.errors;
            EXPECT_TRUE(done.errors.ends_with(complaint)) << command << output << done.errors;
        }
        // A reader that has ended: with SIGPIPE ignored the write fails.
        const Finished broken = shell(
            "trap '' PIPE; mkfifo \"$HOME/pipe\"; exec 3<>\"$HOME/pipe\" 4>\"$HOME/pipe\" "
            "3<&-; rm \"$HOME/pipe\"; \"$PHAROX\" " +
            std::string(command) + " >&4");
        EXPECT_EQ(broken.status, 1) << command << broken.errors;
    }
    EXPECT_EQ(leases_of("eu"), 0);  // a lease whose id nobody has read is released
}

}  // namespace
}  // namespace pharox::test
