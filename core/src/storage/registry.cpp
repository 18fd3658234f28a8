#include "pharox/storage/registry.hpp"

#include <algorithm>
#include <cctype>

#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Errors do not show the URL, which may contain a password.
[[noreturn]] void refuse(std::string rule) { throw ValidationError("storage", {}, std::move(rule)); }

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) refuse("contains a % that is not followed by two hexadecimal digits");
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return decoded;
}

}  // namespace

StorageUrl StorageUrl::parse(std::string_view text) {
    StorageUrl url;
    const std::size_t colon = text.find(':');
    const std::string_view scheme = text.substr(0, colon);
    const bool well_formed =
        colon != std::string_view::npos && !scheme.empty() &&
        std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
            return c < 0x80 && (std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.');
        });
    if (!well_formed) refuse("is not a storage URL like sqlite:pools.db");
    for (const char c : scheme) url.scheme += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string_view rest = text.substr(colon + 1);
    const std::size_t question = std::min(rest.find('?'), rest.size());
    url.rest = rest.substr(0, question);
    std::string_view query = rest.substr(std::min(question + 1, rest.size()));
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string_view::npos) refuse("has an option that is not key=value");
        std::string key = percent_decoded(pair.substr(0, equals));
        if (url.options.contains(key)) refuse("has the option " + shown(key) + " twice");
        url.options[std::move(key)] = percent_decoded(pair.substr(equals + 1));
    }
    return url;
}

void StorageRegistry::add(std::string scheme, Factory factory) {
    const bool lower = !scheme.empty() && std::none_of(scheme.begin(), scheme.end(), [](unsigned char c) {
        return std::isupper(c) != 0 || c == ':';
    });
    if (!lower) throw ValidationError("scheme", scheme, "is not a lower-case scheme without its colon");
    if (factory == nullptr) throw ValidationError("factory", {}, "is empty");
    if (factories_.contains(scheme)) throw ConflictError("scheme", scheme, "is registered already");
    factories_.emplace(std::move(scheme), std::move(factory));
}

std::vector<std::string> StorageRegistry::schemes() const {
    std::vector<std::string> names;
    for (const auto& [scheme, factory] : factories_) names.push_back(scheme);
    return names;
}

std::shared_ptr<IStorage> StorageRegistry::open(std::string_view url) const {
    const StorageUrl parsed = StorageUrl::parse(url);
    const auto found = factories_.find(parsed.scheme);
    if (found == factories_.end()) {
        throw ValidationError("storage", parsed.scheme,
                              "is not a known kind of storage: use " + listed(schemes()));
    }
    return found->second(parsed);
}

std::shared_ptr<IStorage> open(std::string_view url, const StorageRegistry& registry) {
    return registry.open(url);
}

}  // namespace pharox
