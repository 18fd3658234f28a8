// Passwords in the URLs of stores stay out of errors and logs.
#pragma once

#include <string>
#include <string_view>

#include "pharox/storage/registry.hpp"

namespace pharox::serverkit {

/// The text with `***` in place of secrets: the user info of every `scheme://user:password@host` in it, and
/// the values of `password`, `passwd`, `pwd`, `sslpassword`, `secret`, `token` and `auth`, as options of a
/// URL or as `key=value` among others. For what a driver or server says about a connection.
std::string without_secrets(std::string_view text);

/// Whether an option may be the end of a password that contains an unencoded & or ?: an option holds a
/// password, or any has an @.
bool may_hold_password(const StorageUrl& url);
/// Throws ValidationError for an option that neither pharox nor `driver`, as the text names it, knows. Its
/// value is never shown; its name only if it cannot be part of a password.
[[noreturn]] void refuse_option(const StorageUrl& url, const std::string& key, std::string_view driver);

/// For a URL that is composed of decoded options.
std::string percent_encoded(std::string_view text);

}  // namespace pharox::serverkit
