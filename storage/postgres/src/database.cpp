#include "database.hpp"

#include <algorithm>
#include <cstring>

#include "pharox/errors.hpp"
#include "url_secrets.hpp"

namespace pharox::postgres {

namespace {

constexpr std::chrono::milliseconds first_backoff(20);
constexpr std::chrono::milliseconds longest_backoff(2'000);

}  // namespace

void fail(const Operation& operation, const std::string& why, bool retryable, bool outcome_unknown) {
    throw StorageError({.store = "postgres",
                        .operation = std::string(operation.name),
                        .retryable = retryable,
                        .outcome_unknown = outcome_unknown,
                        .lease_id = operation.lease},
                       serverkit::without_secrets(why));
}

void fail(const Operation& operation, const ConnectionLost& none, bool outcome_unknown) {
    fail(operation, none.message, !none.permanent, outcome_unknown);
}

Rows execute_until_deadline(Connection& connection, const Operation& operation, const Statement& statement,
                            std::chrono::milliseconds longest) {
    if (operation.deadline == SteadyTime::max())
        return connection.execute(*statement.sql, statement.parameters, statement.plan);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(operation.deadline - std::chrono::steady_clock::now());
    return connection.execute(statement, std::clamp(left, std::chrono::milliseconds(1), longest));
}

std::int64_t new_call_key() {
    // The random part of an id: no child process makes the same ones as its parent.
    const UuidBytes id = LeaseId::make().bytes();
    std::int64_t key = 0;
    std::memcpy(&key, id.data() + id.size() - sizeof key, sizeof key);
    return key;
}

Database::Database(Options options)
    : options_(std::move(options)),
      store_(new_call_key()),
      schema_('"' + options_.schema + "\"."),
      statements_([this](std::string_view text) { return in_schema(text); }),
      settings_{.connection = options_.connection,
                .connect_timeout = options_.connect_timeout,
                .statement_timeout = options_.statement_timeout,
                .detect_poolers = options_.prepared == Prepared::detect,
                .prepare = options_.prepared != Prepared::never,
                .session_sql = "SET pharox_store.number = '" + std::to_string(store_) + "'"},
      pool_({.connections = options_.max_connections,
             .first_backoff = first_backoff,
             // A call that waits for a connection sees at least one attempt.
             .longest_backoff = std::clamp(options_.connection_wait / 2, first_backoff, longest_backoff)},
            [this](SteadyTime deadline) { return connect(deadline); }) {}

std::unique_ptr<Connection> Database::connect(SteadyTime deadline) const {
    Connection::Settings settings = settings_;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    settings.connect_timeout = std::clamp(left, std::chrono::milliseconds(1), settings.connect_timeout);
    try {
        return std::make_unique<Connection>(settings);
    } catch (const ServerError& error) {  // of the session's settings
        throw ConnectionLost(error.message);
    }
}

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
    } catch (...) {  // NOLINT(bugprone-empty-catch): an exception of the hook has no effect
    }
}

Database::Attempts::Attempts(Database& database, const Operation& operation, Repeat repeat)
    : database_(database),
      operation_(operation),
      retries_(repeat == Repeat::always ? serverkit::Idempotent::yes : serverkit::Idempotent::no,
               std::min(database.recovery_ends(), operation.deadline),
               operation.in_doubt != nullptr && *operation.in_doubt) {}

ConnectionPool::Loan Database::Attempts::borrow() {
    try {
        return database_.borrow(retries_.give_up(), operation_.deadline);
    } catch (const ConnectionLost& error) {
        fail(operation_, error, retries_.outcome_unknown());
    }
}

ConnectionPool::Loan Database::borrow(SteadyTime give_up, SteadyTime deadline) {
    for (;;) {
        const auto patience = std::min(std::chrono::steady_clock::now() + options_.connection_wait, deadline);
        try {
            return pool_.borrow(patience);
        } catch (const ConnectionLost& error) {
            const auto later = std::chrono::steady_clock::now();
            if (error.permanent || later >= give_up || later >= patience) throw;
        }
    }
}

void Database::after_error(ConnectionPool::Loan& connection, const ServerError& error) {
    // A plan of an older schema; a standby, while the next connection may reach the primary.
    if (connection->in_transaction() || error.is("0A000") || error.is("25006")) return connection.discard();
    // A pooler that lost a prepared statement once will do so again.
    if (is_stale_statement(error)) connection->stop_preparing();
}

void Database::Attempts::failed(ConnectionPool::Loan& connection, const ServerError& error) {
    after_error(connection, error);
    const serverkit::ServerFailure failure = classify(error);
    if (retries_.after(failure)) return;
    fail(operation_, error.message + " (SQLSTATE " + error.code + ")",
         failure == serverkit::ServerFailure::transient || is_conflict(error), retries_.outcome_unknown());
}

void Database::Attempts::failed(ConnectionPool::Loan& connection, const ConnectionLost& error) {
    connection.discard();
    const bool again = retries_.after_lost_connection(error.sent, std::chrono::steady_clock::now());
    if (operation_.in_doubt != nullptr) *operation_.in_doubt = retries_.outcome_unknown();
    if (!again) fail(operation_, error.message, true, retries_.outcome_unknown());
}

}  // namespace pharox::postgres
