// A virtual file system for SQLite that simulates power cuts and full disks.
#pragma once

#include <filesystem>
#include <memory>

namespace pharox::sqlite {

/// During its lifetime every database is opened through it. Not thread-safe.
class SyncedFiles {
  public:
    SyncedFiles();
    SyncedFiles(const SyncedFiles&) = delete;
    SyncedFiles& operator=(const SyncedFiles&) = delete;
    ~SyncedFiles();

    /// Writes each file, as it was when it was last synced, into another folder.
    void restore_into(const std::filesystem::path& folder) const;

    /// While full, no file can grow: SQLite gets SQLITE_FULL.
    void set_full(bool full);

    struct State;

  private:
    std::unique_ptr<State> state_;
};

}  // namespace pharox::sqlite
