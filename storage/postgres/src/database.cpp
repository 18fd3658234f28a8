#include "database.hpp"

#include <cstring>

namespace pharox::postgres {

namespace {

constexpr int most_conflicts = 50;

bool is_conflict(const ServerError& error) { return error.is("40001") || error.is("40P01"); }

/// Prepared statements that are not there, or not what they were.
bool is_stale_statement(const ServerError& error) {
    return error.is("26000") || error.is("42P05") ||
           (error.is("0A000") && error.message.find("cached plan") != std::string::npos);
}

bool is_retryable(const ServerError& error) {
    return is_conflict(error) || error.is("55P03") || error.is("57014") || error.is("25006") ||
           error.code.starts_with("53");
}

}  // namespace

std::int64_t new_call_key() {
    // The random part of an id: no child process makes the same ones as its parent.
    const UuidBytes id = LeaseId::make().bytes();
    std::int64_t key = 0;
    std::memcpy(&key, id.data() + id.size() - sizeof key, sizeof key);
    return key;
}

Database::Database(Options options)
    : options_(std::move(options)), schema_('"' + options_.schema + "\"."), pool_(options_, new_call_key()) {}

std::string Database::in_schema(std::string_view sql) const {
    constexpr std::string_view ours = "pharox.";
    std::string text(sql);
    if (options_.schema == "pharox") return text;
    for (std::size_t at = text.find(ours); at != std::string::npos;
         at = text.find(ours, at + schema_.size())) {
        text.replace(at, ours.size(), schema_);
    }
    return text;
}

void Database::roll_back(Connection& connection) noexcept {
    try {
        connection.command("ROLLBACK");
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): see the header
    }
}

void Database::warn(std::string_view what) const {
    if (!options_.warn) return;
    try {
        options_.warn(what);
    } catch (...) {  // NOLINT(bugprone-empty-catch): a warning that nobody takes is no failure
    }
}

Database::Attempts::Attempts(Database& database, const Operation& operation, Repeat repeat)
    : database_(database),
      operation_(operation),
      repeat_(repeat),
      give_up_(database.recovery_ends()),
      in_doubt_(operation.in_doubt != nullptr ? *operation.in_doubt : own_doubt_),
      losses_(in_doubt_ ? 1 : 0) {}

ConnectionPool::Loan Database::Attempts::borrow() {
    try {
        return database_.borrow(give_up_);
    } catch (const ConnectionLost& error) {
        fail(operation_, error, in_doubt_);
    }
}

ConnectionPool::Loan Database::borrow(SteadyTime give_up) {
    for (;;) {
        const auto patience = std::chrono::steady_clock::now() + options_.connection_wait;
        try {
            return pool_.borrow(patience);
        } catch (const ConnectionLost& error) {
            const auto later = std::chrono::steady_clock::now();
            if (error.permanent || later >= give_up || later >= patience) throw;
        }
    }
}

void Database::mend(ConnectionPool::Loan& connection, const ServerError& error) {
    // The plan of an older schema; a standby, where the next one may be the primary.
    if (connection->in_transaction() || error.is("0A000") || error.is("25006")) return connection.discard();
    // Whoever forgets our statements once, does so again.
    if (is_stale_statement(error)) connection->stop_preparing();
}

void Database::Attempts::failed(ConnectionPool::Loan& connection, const ServerError& error) {
    mend(connection, error);
    if ((is_conflict(error) || is_stale_statement(error)) && ++conflicts_ < most_conflicts) return;
    fail(operation_, error.message + " (SQLSTATE " + error.code + ")", is_retryable(error), in_doubt_);
}

void Database::Attempts::failed(ConnectionPool::Loan& connection, const ConnectionLost& error) {
    connection.discard();
    if (error.sent && repeat_ == Repeat::unsent) fail(operation_, error.message, true, true);
    in_doubt_ = in_doubt_ || error.sent;
    // A frozen connection is noticed late: what it was asked is asked once more in any case.
    if (losses_++ > 0 && std::chrono::steady_clock::now() >= give_up_)
        fail(operation_, error.message, true, in_doubt_);
}

}  // namespace pharox::postgres
