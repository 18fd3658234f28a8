// The schema of a database, and how an older one is brought up to date.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace pharox::sqlkit {

/// How a database keeps the version of its schema. Throws what the adapter throws.
class VersionedDatabase {
  public:
    VersionedDatabase() = default;
    VersionedDatabase(const VersionedDatabase&) = delete;
    VersionedDatabase& operator=(const VersionedDatabase&) = delete;
    virtual ~VersionedDatabase() = default;

    /// 0: it has no schema yet. Refuses a database that belongs to something else.
    virtual int version() = 0;
    /// Executes the migration and records the version that it leads to.
    virtual void apply(std::string_view migration, int version) = 0;
    /// Calls `work` in a transaction, in one process at a time. `work` may be called again if it conflicted.
    virtual void transact(const std::function<void()>& work) = 0;
    /// Throws a StorageError. What is refused, as its text names it: "the database", or a file.
    [[noreturn]] virtual void refuse(const std::string& why) = 0;
    [[nodiscard]] virtual std::string name() const = 0;
};

/// Migration number n leads from schema n to n + 1.
class MigrationRunner {
  public:
    MigrationRunner(VersionedDatabase& database, std::span<const std::string_view> migrations)
        : database_(database), migrations_(migrations) {}

    /// The newest version that this program knows.
    [[nodiscard]] int known() const noexcept { return static_cast<int>(migrations_.size()); }
    /// The version that is stored. Refuses a newer one than is known.
    int stored();
    /// What leads from `version` to the newest one.
    [[nodiscard]] std::span<const std::string_view> pending(int version) const {
        return migrations_.subspan(static_cast<std::size_t>(version));
    }
    /// Refuses every version but the newest; `advice` ends the text.
    void expect_newest(std::string_view advice);
    /// In one transaction, any number of processes at once. The version that was stored.
    int migrate();

  private:
    VersionedDatabase& database_;
    std::span<const std::string_view> migrations_;
};

}  // namespace pharox::sqlkit
