#include "url_secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "pharox/errors.hpp"

namespace pharox::serverkit {

namespace {

/// Keys that end so: sslpassword, client_secret.
constexpr std::array<std::string_view, 6> secret_keys = {"password", "passwd", "pwd",
                                                         "secret",   "token",  "auth"};

char lower(char letter) { return static_cast<char>(std::tolower(static_cast<unsigned char>(letter))); }
bool is_of_key(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_'; }

bool is_secret_key(std::string_view key) {
    return std::ranges::any_of(secret_keys, [&](std::string_view secret) {
        return key.size() >= secret.size() &&
               std::ranges::equal(key.substr(key.size() - secret.size()), secret, {}, lower);
    });
}

/// Where the value that begins at `at` ends: at the closing quote, or before the next option or word.
std::size_t end_of_value(std::string_view text, std::size_t at) {
    if (at < text.size() && (text[at] == '\'' || text[at] == '"')) {
        const char quote = text[at];
        for (++at; at < text.size() && text[at] != quote; ++at) {
            if (text[at] == '\\') ++at;
        }
        return std::min(at + 1, text.size());
    }
    return std::min(text.find_first_of("& \t\n,;\"'", at), text.size());
}

std::string without_option_values(std::string_view text) {
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t equals = std::min(text.find('=', at), text.size());
        std::size_t key = equals;
        while (key > at && is_of_key(text[key - 1])) --key;
        const bool secret = equals < text.size() && is_secret_key(text.substr(key, equals - key));
        const std::size_t copied = std::min(equals + 1, text.size());
        shown += text.substr(at, copied - at);
        at = copied;
        if (!secret) continue;
        shown += ValidationError::hidden_value;
        at = end_of_value(text, at);
    }
    return shown;
}

std::string without_user_info(std::string_view text) {
    constexpr std::string_view before = "://";
    std::string shown;
    for (;;) {
        const std::size_t scheme = text.find(before);
        if (scheme == std::string_view::npos) return shown.append(text);
        const std::size_t begin = scheme + before.size();
        shown += text.substr(0, begin);
        text.remove_prefix(begin);
        // A password may contain any unencoded character, blanks and quotes too: everything up to the last @
        // before the next URL is hidden.
        const std::size_t at = text.substr(0, text.find(before)).rfind('@');
        if (at == std::string_view::npos) continue;
        shown.append(ValidationError::hidden_value);
        text.remove_prefix(at);
    }
}

}  // namespace

std::string without_secrets(std::string_view text) { return without_option_values(without_user_info(text)); }

bool may_hold_password(const StorageUrl& url) {
    return std::ranges::any_of(url.options, [](const auto& option) {
        const auto& [key, value] = option;
        return is_secret_key(key) || key.find('@') != std::string::npos ||
               value.find('@') != std::string::npos;
    });
}

void refuse_option(const StorageUrl& url, const std::string& key, std::string_view driver) {
    if (may_hold_password(url)) {
        throw ValidationError("storage", ValidationError::hidden_value,
                              "has an option that is neither pharox's nor " + std::string(driver) +
                                  "'s: in a password, write & as %26 and ? as %3F");
    }
    throw ValidationError(key, ValidationError::hidden_value,
                          "is no option of pharox or of " + std::string(driver));
}

std::string percent_encoded(std::string_view text) {
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

}  // namespace pharox::serverkit
