#include "pharox/app/configuration.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>

#include <fstream>
#include <map>

#include "pharox/errors.hpp"

namespace pharox::app {
namespace {

namespace fs = std::filesystem;

class ConfigurationTest : public ::testing::Test {
  public:
    ~ConfigurationTest() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

  protected:
    ConfigurationTest() {
        std::string pattern = (fs::temp_directory_path() / "pharox-config-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        variables_["HOME"] = folder_.string();
    }

    fs::path write_config(const std::string& text, const fs::path& below = ".config/pharox/config.toml") {
        const fs::path path = folder_ / below;
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return path;
    }
    Configuration load(const std::optional<std::string>& flag = std::nullopt) {
        return load_configuration(flag, [this](const char* name) -> std::optional<std::string> {
            const auto found = variables_.find(name);
            return found == variables_.end() ? std::nullopt : std::optional(found->second);
        });
    }
    std::string refusal() {
        try {
            load();
        } catch (const ValidationError& error) {
            return error.what();
        }
        return "accepted";
    }

    fs::path folder_;
    std::map<std::string, std::string> variables_;
};

TEST_F(ConfigurationTest, SourcesHavePrecedence) {
    EXPECT_EQ(load().storage, "sqlite://" + folder_.string() + "/.local/share/pharox/pharox.db");
    EXPECT_EQ(load().origin, "default");
    EXPECT_EQ(load().default_folder, folder_ / ".local/share/pharox");

    const fs::path file = write_config("storage = \"sqlite:from-file.db\"\n");
    EXPECT_EQ(load().storage, "sqlite:from-file.db");
    EXPECT_EQ(load().origin, file.string());
    EXPECT_FALSE(load().default_folder);

    variables_["PHAROX_STORAGE"] = "sqlite:from-environment.db";
    EXPECT_EQ(load().storage, "sqlite:from-environment.db");
    EXPECT_EQ(load().origin, "PHAROX_STORAGE");

    EXPECT_EQ(load("sqlite:from-flag.db").storage, "sqlite:from-flag.db");
    EXPECT_EQ(load("sqlite:from-flag.db").origin, "--storage");
}

TEST_F(ConfigurationTest, EmptyVariableIsUnset) {
    variables_["PHAROX_STORAGE"] = "";
    variables_["PHAROX_CONFIG"] = "";
    variables_["XDG_DATA_HOME"] = "";
    EXPECT_EQ(load().origin, "default");
}

TEST_F(ConfigurationTest, WithoutHomeTheUsersEntryApplies) {
    const std::string before = process_environment("HOME").value_or("");
    // NOLINTBEGIN(concurrency-mt-unsafe): the test has one thread
    ASSERT_EQ(::unsetenv("HOME"), 0);
    const auto unset = process_environment("HOME");
    ASSERT_EQ(::setenv("HOME", "", 1), 0);
    const auto empty = process_environment("HOME");
    ASSERT_EQ(::setenv("HOME", before.c_str(), 1), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    ASSERT_TRUE(unset && !unset->empty());
    EXPECT_EQ(empty, unset);
}

TEST_F(ConfigurationTest, AbsoluteXdgDirectoriesAreUsed) {
    variables_["XDG_DATA_HOME"] = (folder_ / "data").string();
    EXPECT_EQ(load().default_folder, folder_ / "data/pharox");
    variables_["XDG_DATA_HOME"] = "data";
    EXPECT_EQ(load().default_folder, folder_ / ".local/share/pharox");

    variables_["XDG_CONFIG_HOME"] = (folder_ / "config").string();
    write_config("storage = 'sqlite:xdg.db'", "config/pharox/config.toml");
    EXPECT_EQ(load().storage, "sqlite:xdg.db");
}

TEST_F(ConfigurationTest, PharoxConfigNamesTheFileAndItMustExist) {
    variables_["PHAROX_CONFIG"] = (folder_ / "mine.toml").string();
    EXPECT_EQ(refusal(), (folder_ / "mine.toml").string() + ": cannot be read: No such file or directory");
    write_config("storage = 'sqlite:mine.db'", "mine.toml");
    EXPECT_EQ(load().storage, "sqlite:mine.db");
    variables_["PHAROX_CONFIG"] = folder_.string();
    EXPECT_EQ(refusal(), folder_.string() + ": is a directory");
}

TEST_F(ConfigurationTest, InvalidFileIsRefusedWithItsLineEvenWithAFlag) {
    write_config("\n# a comment\nstorge = 'sqlite:a.db'\n");
    EXPECT_NE(refusal().find("config.toml:3: unknown key \"storge\"; the only key is storage"),
              std::string::npos)
        << refusal();
    EXPECT_THROW(load("sqlite:flag.db"), ValidationError);

    write_config("storage = 7\n");
    EXPECT_NE(refusal().find("config.toml:1: storage must be text"), std::string::npos) << refusal();

    write_config("storage = 'sqlite:a.db'\n\nstorage = broken://user:secret@host\n");
    EXPECT_NE(refusal().find("config.toml:3: this is not TOML"), std::string::npos) << refusal();
    EXPECT_EQ(refusal().find("secret"), std::string::npos);
}

TEST_F(ConfigurationTest, DefaultStorageNeedsAHome) {
    variables_.clear();
    EXPECT_NE(refusal().find("set HOME, or pass --storage"), std::string::npos) << refusal();
    EXPECT_EQ(load("sqlite:flag.db").storage, "sqlite:flag.db");
}

TEST_F(ConfigurationTest, DirectoriesAreCreatedForTheOwnerOnly) {
    const fs::path folder = folder_ / "one/two/pharox";
    make_private_folder(folder);
    make_private_folder(folder);
    struct stat about{};
    for (const fs::path& made : {folder, folder.parent_path(), folder.parent_path().parent_path()}) {
        ASSERT_EQ(::stat(made.c_str(), &about), 0);
        EXPECT_EQ(about.st_mode & 0777U, 0700U) << made;
    }
    std::ofstream(folder_ / "file") << "in the way";
    EXPECT_THROW(make_private_folder(folder_ / "file/pharox"), StorageError);
}

}  // namespace
}  // namespace pharox::app
