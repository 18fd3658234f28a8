// The file: who may read it, which one is ours, how its URL is written.
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/registry.hpp"

namespace pharox::sqlite {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777U;
}

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string refusal(const std::filesystem::path& path) {
    try {
        make_storage({.path = path});
    } catch (const StorageError& error) {
        EXPECT_EQ(error.store(), "sqlite");
        EXPECT_FALSE(error.retryable());
        return error.what();
    }
    return "opened";
}

class Umask {
  public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { ::umask(before_); }

  private:
    mode_t before_;
};

TEST(SqliteFile, IsReadableByItsOwnerAlone) {
    for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0377}}) {
        const Folder folder;
        const Umask umask(mask);
        const auto storage = make_storage({.path = folder / "pools.db"});
        fill(*storage, 1, 1);
        for (const char* name : {"pools.db", "pools.db-wal", "pools.db-shm"}) {
            EXPECT_EQ(mode_of(folder / name), mode_t{0600}) << name << " under umask " << mask;
        }
    }
}

TEST(SqliteFile, KeepsTheModeThatItsOwnerGaveIt) {
    const Folder folder;
    make_storage({.path = folder / "pools.db"});
    ASSERT_EQ(::chmod((folder / "pools.db").c_str(), 0640), 0);
    const auto storage = make_storage({.path = folder / "pools.db"});
    fill(*storage, 1, 1);
    EXPECT_EQ(mode_of(folder / "pools.db"), mode_t{0640});
    EXPECT_EQ(mode_of(folder / "pools.db-wal"), mode_t{0640}) << "readers of the file need its log too";
}

TEST(SqliteFile, OfANewerSchemaIsRefused) {
    const Folder folder;
    make_storage({.path = folder / "pools.db"});
    const int known = std::stoi(RawDatabase(folder / "pools.db").query("PRAGMA user_version").at(0));
    RawDatabase(folder / "pools.db").execute("PRAGMA user_version = " + std::to_string(known + 2));
    EXPECT_EQ(refusal(folder / "pools.db"), "storage sqlite: " + (folder / "pools.db").string() +
                                                " has schema " + std::to_string(known + 2) +
                                                ", this pharox knows up to " + std::to_string(known) +
                                                ": upgrade pharox, or restore a backup");
    RawDatabase(folder / "pools.db").execute("PRAGMA user_version = " + std::to_string(known));
    make_storage({.path = folder / "pools.db"});
}

TEST(SqliteFile, OfAnotherProgramIsLeftAlone) {
    const Folder folder;
    RawDatabase(folder / "other.db").execute("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
    const std::string before = bytes_of(folder / "other.db");
    EXPECT_NE(refusal(folder / "other.db").find("is a database of something else"), std::string::npos);
    EXPECT_EQ(bytes_of(folder / "other.db"), before);

    std::ofstream(folder / "notes.txt") << std::string(5'000, 'x');
    const std::string text = bytes_of(folder / "notes.txt");
    EXPECT_NE(refusal(folder / "notes.txt").find("not a database"), std::string::npos);
    EXPECT_EQ(bytes_of(folder / "notes.txt"), text);
}

TEST(SqliteFile, ThatCannotBeMadeSaysWhy) {
    const Folder folder;
    EXPECT_NE(refusal(folder / "missing/pools.db").find("No such file or directory"), std::string::npos);
    EXPECT_NE(refusal(folder.path()), "opened");
}

TEST(SqliteFile, OfAnEmptyFileBecomesAStore) {
    const Folder folder;
    std::ofstream(folder / "empty.db").close();
    const auto storage = make_storage({.path = folder / "empty.db"});
    fill(*storage, 1, 1);
    EXPECT_TRUE(storage->acquire({.pool = "pool"}));
}

TEST(SqliteFile, NamesAreNotTakenForUris) {
    const Folder folder;
    const auto name = folder / "file:a?mode=memory#%41.db";
    fill(*make_storage({.path = name}), 1, 1);
    EXPECT_TRUE(std::filesystem::exists(name));
    EXPECT_TRUE(make_storage({.path = name})->catalog()->get_pool("pool"));
}

TEST(SqliteOptions, AreRefusedWhenWrong) {
    const Folder folder;
    const auto field = [&](Options options) -> std::string {
        try {
            make_storage(std::move(options));
        } catch (const ValidationError& error) {
            return error.field();
        }
        return "none";
    };
    EXPECT_EQ(field({}), "path");
    EXPECT_EQ(field({.path = folder / "a", .busy_timeout = Duration(-1)}), "busy_timeout_ms");
    EXPECT_EQ(field({.path = folder / "a", .retention = std::chrono::minutes(9)}), "retention_ms");
    EXPECT_EQ(field({.path = folder / "a", .health_retention = Duration(0)}), "health_retention_ms");
    EXPECT_EQ(field({.path = folder / "a", .clock = nullptr}), "clock");
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(SqliteUrl, NamesAFileOrMemory) {
    const Folder folder;
    StorageRegistry registry;
    register_sqlite(registry);
    fill(*registry.open("sqlite://" + (folder / "absolute.db").string() +
                        "?durability=power&busy_timeout_ms=50"),
         1, 1);
    EXPECT_TRUE(std::filesystem::exists(folder / "absolute.db"));

    const auto here = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    const auto relative = registry.open("sqlite:relative.db");
    std::filesystem::current_path(here);
    fill(*relative, 1, 1);  // also after the folder has changed
    EXPECT_TRUE(std::filesystem::exists(folder / "relative.db"));

    fill(*registry.open("sqlite::memory:"), 1, 1);
    EXPECT_FALSE(registry.open("sqlite::memory:")->catalog()->get_pool("pool")) << "each is private";
}

TEST(SqliteUrl, RefusesWhatItDoesNotKnow) {
    StorageRegistry registry;
    register_sqlite(registry);
    const auto text = [&](const std::string& url) -> std::string {
        try {
            static_cast<void>(registry.open(url));
        } catch (const ValidationError& error) {
            return error.what();
        }
        return "opened";
    };
    EXPECT_NE(text("sqlite::memory:?sync=off").find("sync"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?durability=none").find("durability"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?busy_timeout_ms=1s").find("busy_timeout_ms"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?retention_ms=1000").find("retention_ms"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?retained_leases=-1").find("retained_leases"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?health_retention_ms=0").find("health_retention_ms"), std::string::npos);
    EXPECT_NE(text("sqlite::memory:?health_records_per_proxy=x").find("health_records_per_proxy"),
              std::string::npos);
    EXPECT_EQ(text("sqlite::memory:?retention_ms=600000&retained_leases=0&health_"
                   "retention_ms=1"
                   "&health_records_per_proxy=1"),
              "opened");
    EXPECT_NE(text("sqlite::memory:?health_records_per_proxy=0").find("health_records_per_proxy"),
              std::string::npos);
    EXPECT_NE(text("sqlite:"), "opened");
    EXPECT_NE(text("sqlite://host/file.db").find("names a host"), std::string::npos);
    EXPECT_EQ(text("sqlite://anna:s3cret@host/file.db").find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace pharox::sqlite
