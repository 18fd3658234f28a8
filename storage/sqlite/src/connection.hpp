// One SQLite connection, its prepared statements, and the translation of its errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "filter_sql.hpp"
#include "operation.hpp"
#include "pharox/model/id.hpp"
#include "pharox/model/time.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace pharox::sqlite {

using sqlkit::Operation;

/// Throws the StorageError of this store.
[[noreturn]] void fail(const Operation& operation, const std::string& why, bool retryable = false,
                       bool outcome_unknown = false);

/// The path as errors show it: `***` if it may be another store's URL, with a password (an @ or a colon).
std::string shown_file(const std::string& path);

class Connection;

using sqlkit::SqlValue;

struct StatementCloser {
    void operator()(sqlite3_stmt* statement) const noexcept;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, StatementCloser>;

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};
using StatementCache = std::unordered_map<std::string, StatementHandle, TextHash, std::equal_to<>>;

/// A prepared statement from its connection's cache. The destructor resets it and returns it to the cache.
/// Parameters are bound in the order of their question marks.
class Statement {
  public:
    Statement(Connection& connection, StatementCache::node_type node) noexcept;
    Statement(Statement&& other) noexcept = default;
    Statement& operator=(Statement&&) = delete;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(std::int64_t value);
    Statement& bind(int value) { return bind(std::int64_t{value}); }
    Statement& bind(double value);
    Statement& bind(std::string_view value);
    Statement& bind(const std::string& value) { return bind(std::string_view(value)); }
    Statement& bind(const char*) = delete;
    Statement& bind(bool value) { return bind(std::int64_t{value ? 1 : 0}); }
    Statement& bind(Timestamp value) { return bind(std::int64_t{value.time_since_epoch().count()}); }
    Statement& bind(const SqlValue& value);
    Statement& bind_blob(const void* data, std::size_t size);
    Statement& bind_null();
    template <class Tag>
    Statement& bind(const Id<Tag>& id) {
        return bind_blob(id.bytes().data(), id.bytes().size());
    }
    template <class T>
    Statement& bind(const std::optional<T>& value) {
        return value ? bind(*value) : bind_null();
    }

    /// Whether there is a row.
    bool step();
    /// Steps to the end.
    void run();
    /// Ready to be bound and run again.
    void reset() noexcept;

    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] double real(int column) const;
    [[nodiscard]] std::string_view text(int column) const;  ///< of a text or blob, until the next step
    [[nodiscard]] Timestamp time(int column) const {
        return Timestamp(std::chrono::microseconds(integer(column)));
    }
    template <class IdType>
    [[nodiscard]] IdType id(int column) const {
        return IdType(bytes(column));
    }

  private:
    friend class Connection;
    [[nodiscard]] UuidBytes bytes(int column) const;

    Connection* connection_;
    StatementCache::node_type node_;
    sqlite3_stmt* statement_;
    int next_ = 0;
};

/// While a process waits for the write lock it tries again at least this often.
inline constexpr std::chrono::microseconds longest_lock_sleep{5'000};

/// For one thread at a time. An error is retryable if nothing was changed and the same call may succeed
/// later: another process held the lock, or the disk is full.
class Connection {
  public:
    struct Settings {
        std::string file;  ///< absolute, or ":memory:"
        std::chrono::milliseconds busy_timeout{};
        int cache_kib = 0;
        bool read_only = false;
    };
    Connection(const Settings& settings, const Operation& operation);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// The operation that errors name from now on.
    void set_operation(const Operation& operation) noexcept { operation_ = operation; }

    Statement prepare(std::string_view sql) {
        return prepare(sql, [sql] { return sql; });
    }
    /// `key` identifies the text that `compose` returns, which is called only if it is not prepared yet.
    template <class Compose>
    Statement prepare(std::string_view key, Compose compose) {
        if (const auto kept = statements_.find(key); kept != statements_.end()) {
            return {*this, statements_.extract(kept)};
        }
        return prepare_new(key, compose());
    }
    /// One or more statements without parameters, prepared each time, as some PRAGMAs require.
    void execute(const char* sql);
    /// The first column of the only row.
    std::int64_t query_integer(std::string_view sql);
    std::string query_text(std::string_view sql);
    /// Rows changed by the latest INSERT, UPDATE or DELETE.
    [[nodiscard]] std::int64_t changes() const noexcept;
    /// Whether the latest call failed because of another connection's lock.
    [[nodiscard]] bool is_locked() const noexcept;
    [[nodiscard]] bool in_transaction() const noexcept;
    /// For functions of SQLite that this class does not wrap.
    [[nodiscard]] sqlite3* handle() const noexcept { return database_.get(); }
    /// Writes the changes of the open transaction to the disk now, not only at the commit.
    void write_out();
    /// The next wait for a lock ends after this time, if that is sooner or later than the timeout.
    void set_next_timeout(std::chrono::microseconds timeout) noexcept { busy_->next_timeout = timeout; }
    /// Instead of after commits.
    void checkpoint_only_when_told() noexcept;
    /// Writes the log to the file if it has grown by that many pages since the last time. Failure is no
    /// error: it is done later.
    void checkpoint(int pages) noexcept;
    /// Ends a transaction that is open, if any.
    void rollback() noexcept;
    void commit();

  private:
    friend class Statement;
    struct Closer {
        void operator()(sqlite3* database) const noexcept;
    };
    /// Waits for another process's lock in random sleeps, which grow up to longest_lock_sleep.
    struct BusyWait {
        std::chrono::milliseconds timeout{};
        std::optional<std::chrono::microseconds> next_timeout{};  ///< of one wait, instead of the timeout
        std::chrono::steady_clock::time_point deadline{};
        std::uint64_t random = 0;
    };
    static int wait_for_lock(void* context, int attempt) noexcept;
    [[noreturn]] void fail_with(int code, bool committing = false) const;
    Statement prepare_new(std::string_view key, std::string_view sql);
    void give_back(StatementCache::node_type node) noexcept;

    std::unique_ptr<BusyWait> busy_;
    std::unique_ptr<sqlite3, Closer> database_;
    StatementCache statements_;
    int log_pages_ = 0;      ///< after the latest commit
    int written_pages_ = 0;  ///< of these, as of the latest checkpoint()
    std::string file_;
    Operation operation_;
};

}  // namespace pharox::sqlite
