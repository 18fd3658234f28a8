#include "pharox/sqlite/file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <system_error>

#include "connection.hpp"
#include "pharox/errors.hpp"
#include "schema.hpp"

namespace pharox::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr Operation reading_schema{.name = "schema"};
constexpr Operation backing_up{.name = "backup"};
constexpr int pages_per_step = 1'024;

std::string reason() { return std::generic_category().message(errno); }

Connection::Settings settings_of(const fs::path& file, bool read_only) {
    return {.file = fs::absolute(file).string(),
            .busy_timeout = std::chrono::seconds(10),
            .cache_kib = 2'048,
            .read_only = read_only};
}

/// The number of rows of each table, in the order of the report's members.
using Counts = std::array<std::int64_t, 4>;

Counts counts_of(Connection& connection) {
    return {connection.query_integer("SELECT count(*) FROM pool"),
            connection.query_integer("SELECT count(*) FROM proxy"),
            connection.query_integer("SELECT count(*) FROM consumer"),
            connection.query_integer("SELECT count(*) FROM lease")};
}

/// A new file of mode 0600 beside the copy, removed by the destructor unless it was published.
class UnfinishedFile {
  public:
    explicit UnfinishedFile(const fs::path& copy)
        : copy_(copy), path_(copy.string() + ".partial-" + std::to_string(::getpid())) {
        descriptor_ = ::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (descriptor_ < 0)
            fail(backing_up, "cannot create " + shown_file(path_.string()) + ": " + reason());
    }
    UnfinishedFile(const UnfinishedFile&) = delete;
    UnfinishedFile& operator=(const UnfinishedFile&) = delete;
    ~UnfinishedFile() {
        ::close(descriptor_);
        ::unlink(path_.c_str());
    }
    [[nodiscard]] const fs::path& path() const { return path_; }
    void sync() const noexcept { ::fdatasync(descriptor_); }
    /// Gives the file its name, after it is on the disk.
    void publish(bool replace) {
        const fs::path folder = fs::absolute(copy_).parent_path();
        const int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool done = parent >= 0 && ::fsync(descriptor_) == 0;
        if (done)
            done = (replace ? ::rename(path_.c_str(), copy_.c_str())
                            : ::link(path_.c_str(), copy_.c_str())) == 0;
        done = done && ::fsync(parent) == 0;
        const int error = errno;
        if (parent >= 0) ::close(parent);
        errno = error;
        if (!done && errno == EEXIST) throw ConflictError("file", shown_file(copy_.string()), "exists");
        if (!done) fail(backing_up, "cannot write " + shown_file(copy_.string()) + ": " + reason());
    }

  private:
    fs::path copy_;
    fs::path path_;
    int descriptor_ = -1;
};

/// Copies all pages, as they are in the source's open read transaction.
/// `sync` is called now and then, so that no sync of a whole file at the end delays the store's own.
void copy_pages(Connection& source, Connection& target, const std::function<void()>& sync) {
    sqlite3_backup* const backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
    if (backup == nullptr) fail(backing_up, sqlite3_errmsg(target.handle()));
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, pages_per_step);
        sync();
    }
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) fail(backing_up, std::string("the copy failed: ") + sqlite3_errstr(code));
}

void verify(Connection& target, const Counts& expected) {
    if (const std::string found = target.query_text("PRAGMA integrity_check"); found != "ok")
        fail(backing_up, "the copy is damaged: " + found);
    if (counts_of(target) != expected) fail(backing_up, "the copy has other numbers of rows than the store");
}

}  // namespace

fs::path path_of(const StorageUrl& url) {
    const std::string_view rest = url.rest;
    if (rest.find("://") != std::string_view::npos) {
        throw ValidationError("storage", ValidationError::hidden_value,
                              "holds another URL: write sqlite:relative.db or sqlite:///absolute.db");
    }
    if (!rest.starts_with("//")) return rest;
    // `//` before an absolute path is the empty authority of a URL.
    if (!rest.starts_with("///")) {
        throw ValidationError("storage", shown_file(std::string(rest)),
                              "names a host: write sqlite:relative.db or sqlite:///absolute.db");
    }
    return rest.substr(2);
}

SchemaVersions schema_versions(const fs::path& file) {
    Connection connection(settings_of(file, true), reading_schema);
    return stored_and_known_schema(connection, shown_file(file.string()));
}

BackupReport backup(const fs::path& file, const fs::path& copy, bool replace) {
    std::error_code unknown;
    if (!replace && fs::exists(copy, unknown))
        throw ConflictError("file", shown_file(copy.string()), "exists");
    Connection source(settings_of(file, true), backing_up);
    check_schema(source, shown_file(file.string()));
    UnfinishedFile unfinished(copy);
    Counts counts{};
    {
        Connection target(settings_of(unfinished.path(), false), backing_up);
        // The first read begins the snapshot that the copy is made from.
        source.execute("BEGIN");
        counts = counts_of(source);
        copy_pages(source, target, [&] { unfinished.sync(); });
        source.execute("COMMIT");
        target.execute("PRAGMA journal_mode = DELETE");  // one file, without a log beside it
        verify(target, counts);
    }
    unfinished.publish(replace);
    return {.bytes = fs::file_size(copy),
            .pools = counts[0],
            .proxies = counts[1],
            .consumers = counts[2],
            .leases = counts[3]};
}

}  // namespace pharox::sqlite
