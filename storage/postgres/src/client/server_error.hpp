// Errors that the server answers, and what they mean for a retry.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "retries.hpp"

struct pg_result;

namespace pharox::postgres {

/// The server refused a statement; the connection remains usable. Never leaves the adapter.
struct ServerError : std::exception {
    std::string code;        ///< SQLSTATE
    std::string message;     ///< without the DETAIL, which may quote rows
    std::string constraint;  ///< the one that was violated
    std::string column;      ///< the one that would have been null
    [[nodiscard]] const char* what() const noexcept override { return message.c_str(); }
    [[nodiscard]] bool is(std::string_view sqlstate) const noexcept { return code == sqlstate; }
};

ServerError server_error(const pg_result* result);
/// A message of libpq as one line.
std::string trimmed(const char* text);

/// Whether the server ended the session with this error; the statement was rolled back, or never began.
bool ends_the_session(const ServerError& error);
/// A deadlock or a serialization failure.
bool is_conflict(const ServerError& error);
/// A lock was not free within lock_timeout.
bool is_lock_timeout(const ServerError& error);
/// A unique index has the value already.
bool is_duplicate(const ServerError& error);
/// A prepared statement is missing, or its plan belongs to an older schema.
bool is_stale_statement(const ServerError& error);
/// Whether the statement may be executed again.
serverkit::ServerFailure classify(const ServerError& error);

}  // namespace pharox::postgres
