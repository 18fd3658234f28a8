#include "storage_url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "pharox/errors.hpp"

namespace pharox::postgres {

namespace {

Duration parse_milliseconds(const std::string& key, const std::string& text) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw ValidationError(key, text, "is not a whole number of milliseconds");
    }
    return Duration(count);
}

std::size_t parse_count(const std::string& key, const std::string& text) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw ValidationError(key, text, "is not a whole number");
    }
    return count;
}

bool take_option(Options& options, const std::string& key, const std::string& value) {
    if (key == "schema") {
        options.schema = value;
    } else if (key == "migrations") {
        if (value != "apply" && value != "expect")
            throw ValidationError(key, value, "is neither apply nor expect");
        options.migrations = value == "apply" ? Migrations::apply : Migrations::expect;
    } else if (key == "prepared") {
        if (value != "detect" && value != "always" && value != "never") {
            throw ValidationError(key, value, "is not detect, always or never");
        }
        if (value == "detect") options.prepared = Prepared::detect;
        if (value == "always") options.prepared = Prepared::always;
        if (value == "never") options.prepared = Prepared::never;
    } else if (key == "max_connections") {
        options.max_connections = parse_count(key, value);
    } else if (key == "connection_wait_ms") {
        options.connection_wait = parse_milliseconds(key, value);
    } else if (key == "connect_timeout_ms") {
        options.connect_timeout = parse_milliseconds(key, value);
    } else if (key == "statement_timeout_ms") {
        options.statement_timeout = parse_milliseconds(key, value);
    } else if (key == "recovery_time_ms") {
        options.recovery_time = parse_milliseconds(key, value);
    } else if (key == "look_interval_ms") {
        options.look_interval = parse_milliseconds(key, value);
    } else {
        return false;
    }
    return true;
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
    std::string theirs;
    for (const auto& [key, value] : url.options) {
        if (take_option(options, key, value)) continue;
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
