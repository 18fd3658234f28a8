#include "client/server_error.hpp"

#include <libpq-fe.h>

#include <algorithm>

namespace pharox::postgres {

std::string trimmed(const char* text) {
    std::string line = text == nullptr ? "" : text;
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    std::ranges::replace(line, '\n', ' ');
    return line;
}

ServerError server_error(const pg_result* result) {
    const auto field = [&](int code) { return trimmed(PQresultErrorField(result, code)); };
    ServerError error;
    error.code = field(PG_DIAG_SQLSTATE);
    error.message = field(PG_DIAG_MESSAGE_PRIMARY);
    error.constraint = field(PG_DIAG_CONSTRAINT_NAME);
    error.column = field(PG_DIAG_COLUMN_NAME);
    return error;
}

bool ends_the_session(const ServerError& error) {
    return error.is("57P01") || error.is("57P02") || error.is("57P03") || error.is("57P05") ||
           error.is("25P03") || error.code.starts_with("08");
}

bool is_conflict(const ServerError& error) { return error.is("40001") || error.is("40P01"); }

bool is_lock_timeout(const ServerError& error) { return error.is("55P03"); }

bool is_duplicate(const ServerError& error) { return error.is("23505"); }

bool is_stale_statement(const ServerError& error) {
    return error.is("26000") || error.is("42P05") ||
           (error.is("0A000") && error.message.find("cached plan") != std::string::npos);
}

serverkit::ServerFailure classify(const ServerError& error) {
    using serverkit::ServerFailure;
    if (is_conflict(error) || is_stale_statement(error)) return ServerFailure::conflict;
    // A lock or statement timeout, a standby, or a lack of resources.
    const bool transient =
        is_lock_timeout(error) || error.is("57014") || error.is("25006") || error.code.starts_with("53");
    return transient ? ServerFailure::transient : ServerFailure::final;
}

}  // namespace pharox::postgres
