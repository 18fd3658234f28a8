// The options of a storage URL; those that are not pharox's own are passed to libpq.
#include <libpq-fe.h>

#include <memory>

#include "pharox/errors.hpp"
#include "pharox/postgres/storage.hpp"
#include "pharox/rules/url_options.hpp"
#include "url_secrets.hpp"

namespace pharox::postgres {

namespace {

rules::UrlOptions own_options(Options& options) {
    rules::UrlOptions own("postgres");
    own.text("schema", options.schema)
        .choice("migrations", options.migrations,
                {{"apply", Migrations::apply}, {"expect", Migrations::expect}})
        .choice("prepared", options.prepared,
                {{"detect", Prepared::detect}, {"always", Prepared::always}, {"never", Prepared::never}})
        .count("max_connections", options.max_connections)
        .milliseconds("connection_wait_ms", options.connection_wait)
        .milliseconds("connect_timeout_ms", options.connect_timeout)
        .milliseconds("statement_timeout_ms", options.statement_timeout)
        .milliseconds("recovery_time_ms", options.recovery_time)
        .milliseconds("poll_interval_ms", options.poll_interval)
        .milliseconds("transaction_warning_ms", options.transaction_warning)
        .retention(options);
    return own;
}

/// As libpq itself takes it in a URL.
bool is_of_libpq(std::string_view key) {
    if (key == "ssl") return true;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> known(PQconndefaults(),
                                                                               PQconninfoFree);
    if (!known) throw std::bad_alloc();
    for (const PQconninfoOption* one = known.get(); one->keyword != nullptr; ++one) {
        if (key == one->keyword) return true;
    }
    return false;
}

/// With an unencoded @ or / in a password, libpq takes a part of it for the host or the port, which its
/// errors show.
void refuse_parts_of_a_password(const PQconninfoOption& first) {
    for (const PQconninfoOption* one = &first; one->keyword != nullptr; ++one) {
        const std::string_view key = one->keyword;
        const std::string_view value = one->val == nullptr ? "" : one->val;
        // A host that begins with @ is an abstract socket.
        if (key == "host" && value.find('@', 1) != std::string_view::npos) {
            throw ValidationError("connection", ValidationError::hidden_value,
                                  "has an @ in its host: in a password, write @ as %40");
        }
        if (key == "port" && value.find_first_not_of("0123456789, ") != std::string_view::npos) {
            throw ValidationError(
                "connection", ValidationError::hidden_value,
                "has a port that is not a number: in a password, write / as %2F; user:password needs @host");
        }
    }
}

}  // namespace

Options options_of(const StorageUrl& url) {
    Options options;
    const rules::UrlOptions own = own_options(options);
    std::string theirs;
    for (const auto& [key, value] : url.options) {
        if (own.set(key, value)) continue;
        if (!is_of_libpq(key)) serverkit::refuse_option(url, key, "libpq");
        theirs += (theirs.empty() ? '?' : '&') + serverkit::percent_encoded(key) + '=' +
                  serverkit::percent_encoded(value);
    }
    const std::string rest = url.rest.empty() ? "//" : url.rest;
    options.connection = "postgresql:" + rest + theirs;
    return options;
}

void check_connection(const std::string& connection) {
    if (connection.find('\0') != std::string::npos) {
        throw ValidationError("connection", ValidationError::hidden_value, "holds a NUL");
    }
    char* said = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
        PQconninfoParse(connection.c_str(), &said), [](PQconninfoOption* some) { PQconninfoFree(some); });
    if (said != nullptr) PQfreemem(said);  // it quotes the text, which may hold a password
    if (!parsed) {
        throw ValidationError("connection", ValidationError::hidden_value,
                              "is no connection URL or keywords that libpq can read");
    }
    refuse_parts_of_a_password(*parsed);
}

}  // namespace pharox::postgres
