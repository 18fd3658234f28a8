#include "storage_url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "pharox/errors.hpp"
#include "pharox/rules/url_options.hpp"

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

std::string percent_encoded(const std::string& text) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char letter : text) {
        if (plain.find(letter) != std::string_view::npos) {
            encoded += letter;
        } else {
            const auto byte = static_cast<unsigned char>(letter);
            encoded += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return encoded;
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

/// A password that holds an & or a ? of its own ends in what looks like an option: that is not told.
[[noreturn]] void refuse_option(const StorageUrl& url, const std::string& key) {
    const bool may_be_of_a_password = std::ranges::any_of(url.options, [](const auto& option) {
        const auto& [name, value] = option;
        return name == "password" || name == "sslpassword" || (name + value).find('@') != std::string::npos;
    });
    if (may_be_of_a_password) {
        throw ValidationError("storage", ValidationError::hidden_value,
                              "has an option that is neither pharox's nor libpq's: in a password, write & as "
                              "%26 and ? as %3F");
    }
    throw ValidationError(key, ValidationError::hidden_value, "is no option of pharox or of libpq");
}

}  // namespace

Options options_of(const StorageUrl& url) {
    Options options;
    const rules::UrlOptions own = own_options(options);
    std::string theirs;
    for (const auto& [key, value] : url.options) {
        if (own.set(key, value)) continue;
        if (!is_of_libpq(key)) refuse_option(url, key);
        theirs += (theirs.empty() ? '?' : '&') + percent_encoded(key) + '=' + percent_encoded(value);
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
}

}  // namespace pharox::postgres
