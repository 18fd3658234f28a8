// Shared by the tests of this adapter: directories, raw access to the file, other processes.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pharox/sqlite/storage.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox::sqlite {

/// A temporary directory, removed by the destructor.
class Folder {
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Access to the file without the adapter.
class RawDatabase {
  public:
    explicit RawDatabase(const std::filesystem::path& path);
    RawDatabase(const RawDatabase&) = delete;
    RawDatabase& operator=(const RawDatabase&) = delete;
    ~RawDatabase();
    void execute(const std::string& sql);
    /// The last column of every row.
    std::vector<std::string> query(const std::string& sql);

  private:
    sqlite3* database_ = nullptr;
};

/// A forked process. The destructor kills it if it still runs.
class Child {
  public:
    /// `work` returns the exit status; an exception gives 99.
    explicit Child(const std::function<int()>& work);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Child& operator=(Child&&) = delete;
    ~Child();
    void kill() const;
    /// Its exit status; -1 if a signal ended it.
    int wait();
    [[nodiscard]] bool running() const;

  private:
    int pid_ = -1;
};

/// Zeroed memory that forked processes share.
template <class T>
class Shared {
  public:
    Shared();
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared();
    T* operator->() const { return static_cast<T*>(memory_); }

  private:
    void* memory_;
};
void* map_shared(std::size_t size);
void unmap_shared(void* memory, std::size_t size);
template <class T>
Shared<T>::Shared() : memory_(map_shared(sizeof(T))) {}
template <class T>
Shared<T>::~Shared() {
    unmap_shared(memory_, sizeof(T));
}

/// A pool "pool" of active proxies, and the consumer "default".
std::vector<Proxy> fill(IStorage& storage, int proxies, int max_concurrency);

}  // namespace pharox::sqlite
