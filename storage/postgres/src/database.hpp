// The server as the rest sees it: statements that are repeated where that is safe, and errors that are ours.
#pragma once

#include <atomic>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "client/connection.hpp"
#include "connection_pool.hpp"
#include "expiry_reports.hpp"
#include "pharox/postgres/storage.hpp"
#include "retries.hpp"
#include "statements.hpp"

namespace pharox::postgres {

using ConnectionPool = serverkit::ConnectionPool<Connection>;
using sqlkit::Expired;
using sqlkit::ExpiryReports;

/// The call that is executed, for its errors.
struct Operation {
    std::string_view name;
    std::optional<LeaseId> lease{};
    /// If the call has several statements: whether one that was sent may have been executed.
    bool* in_doubt = nullptr;
    /// The call waits neither for a connection nor for locks after this; by default it waits for a connection
    /// as long as the options say, and for locks as long as a statement may take.
    SteadyTime deadline = SteadyTime::max();

    [[nodiscard]] bool is_overdue() const { return std::chrono::steady_clock::now() >= deadline; }
};

/// For a statement that may wait for a lock: waits until the operation's deadline, or for `longest` if that
/// is shorter, and then throws ServerError (is_lock_timeout). One round trip in any case.
Rows execute_until_deadline(Connection& connection, const Operation& operation, const Statement& statement,
                            std::chrono::milliseconds longest = std::chrono::hours(24));

/// Throws the StorageError of this store.
[[noreturn]] void fail(const Operation& operation, const std::string& why, bool retryable = false,
                       bool outcome_unknown = false);
/// No connection is available.
[[noreturn]] void fail(const Operation& operation, const ConnectionLost& none, bool outcome_unknown);

/// Whether a call may be repeated if its outcome is unknown.
enum class Repeat : std::uint8_t {
    always,  ///< a read, or a write whose id shows whether it was executed
    unsent,  ///< only if it cannot have been executed
};

/// A random number; no other call has the same, with near certainty.
std::int64_t new_call_key();

/// Thread-safe.
class Database {
  public:
    explicit Database(Options options);

    [[nodiscard]] const Options& options() const noexcept { return options_; }
    /// The number of this storage; no other one has it.
    [[nodiscard]] std::int64_t store() const noexcept { return store_; }
    /// The settings for a connection outside of the pool.
    [[nodiscard]] const Connection::Settings& connection_settings() const noexcept { return settings_; }
    /// A statement of sql/: `database.text(sql::renew_lease)`.
    [[nodiscard]] const std::string& text(StatementId id) const noexcept { return statements_[id]; }
    /// The text with `pharox.` replaced by the schema's name.
    [[nodiscard]] std::string in_schema(std::string_view sql) const;

    /// Calls `work(connection)`, again after deadlocks and lost connections as far as `repeat` allows, and
    /// translates what it throws.
    template <class Work>
    auto run(const Operation& operation, Repeat repeat, Work work) {
        Attempts attempts(*this, operation, repeat);
        for (;;) {
            ConnectionPool::Loan connection = attempts.borrow();
            try {
                return work(*connection);
            } catch (const ServerError& error) {
                attempts.failed(connection, error);
            } catch (const ConnectionLost& error) {
                attempts.failed(connection, error);
            }
        }
    }
    /// What came of something that is tried once.
    enum class Outcome : std::uint8_t { done, refused, not_done, in_doubt };
    /// Calls `work(connection)` once; what the server refuses, or is lost, the caller has another way to do.
    /// Throws ConnectionLost where there is no connection to be had.
    template <class Work>
    Outcome try_once(Work work, SteadyTime deadline = SteadyTime::max()) {
        ConnectionPool::Loan connection = borrow(recovery_ends(), deadline);
        try {
            work(*connection);
            return Outcome::done;
        } catch (const ServerError& error) {
            after_error(connection, error);
            return Outcome::refused;
        } catch (const ConnectionLost& error) {
            connection.discard();
            return error.sent ? Outcome::in_doubt : Outcome::not_done;
        }
    }
    /// As run(), in a transaction of several statements.
    template <class Work>
    auto transact(const Operation& operation, Work work) {
        return run(operation, Repeat::unsent, [&](Connection& connection) {
            bool committing = false;
            try {
                connection.command("BEGIN");
                if constexpr (std::is_void_v<decltype(work(connection))>) {
                    work(connection);
                    committing = true;
                    connection.command("COMMIT");
                } else {
                    auto result = work(connection);
                    committing = true;
                    connection.command("COMMIT");
                    return result;
                }
            } catch (ConnectionLost& error) {
                error.sent = error.sent && committing;
                throw;
            } catch (...) {
                roll_back(connection);
                throw;
            }
        });
    }

    void warn(std::string_view what) const;

  private:
    /// Throws ConnectionLost if there is no connection until then, and within connection_wait.
    ConnectionPool::Loan borrow(SteadyTime give_up, SteadyTime deadline);
    [[nodiscard]] std::unique_ptr<Connection> connect(SteadyTime deadline) const;
    [[nodiscard]] SteadyTime recovery_ends() const {
        return std::chrono::steady_clock::now() + options_.recovery_time;
    }
    /// Discards a connection that cannot be used after this error; stops preparing behind a pooler.
    static void after_error(ConnectionPool::Loan& connection, const ServerError& error);
    /// If this fails, the pool closes the connection.
    static void roll_back(Connection& connection) noexcept;
    class Attempts {
      public:
        Attempts(Database& database, const Operation& operation, Repeat repeat);
        ConnectionPool::Loan borrow();
        /// Returns if the operation is executed again, and throws otherwise.
        void failed(ConnectionPool::Loan& connection, const ServerError& error);
        void failed(ConnectionPool::Loan& connection, const ConnectionLost& error);

      private:
        Database& database_;
        Operation operation_;
        serverkit::Retries retries_;
    };

    Options options_;
    const std::int64_t store_;
    std::string schema_;  // quoted, with a dot
    Statements statements_;
    Connection::Settings settings_;
    ConnectionPool pool_;
};

}  // namespace pharox::postgres
