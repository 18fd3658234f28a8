// A virtual file system for SQLite that remembers what a power cut would leave, and whose disk can be full.
#pragma once

#include <filesystem>
#include <memory>

namespace pharox::sqlite {

/// While it lives, every database is opened through it. Not for several threads.
class SyncedFiles {
  public:
    SyncedFiles();
    SyncedFiles(const SyncedFiles&) = delete;
    SyncedFiles& operator=(const SyncedFiles&) = delete;
    ~SyncedFiles();

    /// Writes each file, as it was when it was last synced, into another folder.
    void restore_into(const std::filesystem::path& folder) const;

    /// While full, no file can grow: SQLite is told that the disk is full.
    void set_full(bool full);

    struct State;

  private:
    std::unique_ptr<State> state_;
};

}  // namespace pharox::sqlite
