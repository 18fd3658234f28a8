#include "pharox/rules/url_options.hpp"

#include <algorithm>
#include <charconv>

#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::rules {

namespace {

template <class Number>
Number parse_number(const std::string& key, const std::string& text, const char* rule) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end) throw ValidationError(key, text, rule);
    return number;
}

}  // namespace

UrlOptions& UrlOptions::milliseconds(std::string key, Duration& target) {
    return add(std::move(key), [&target](const std::string& name, const std::string& value) {
        target = Duration(parse_number<std::int64_t>(name, value, "is not a whole number of milliseconds"));
    });
}

UrlOptions& UrlOptions::count(std::string key, std::size_t& target) {
    return add(std::move(key), [&target](const std::string& name, const std::string& value) {
        target = parse_number<std::size_t>(name, value, "is not a whole number");
    });
}

UrlOptions& UrlOptions::text(std::string key, std::string& target) {
    return add(std::move(key),
               [&target](const std::string& /*name*/, const std::string& value) { target = value; });
}

UrlOptions& UrlOptions::add(std::string key, Set set) {
    known_.emplace_back(std::move(key), std::move(set));
    return *this;
}

std::size_t UrlOptions::index_of(const std::string& key, const std::string& value,
                                 const std::vector<std::string>& words) {
    const auto found = std::ranges::find(words, value);
    if (found == words.end()) throw ValidationError(key, value, "is not " + listed(words));
    return static_cast<std::size_t>(found - words.begin());
}

bool UrlOptions::set(const std::string& key, const std::string& value) const {
    const auto found = std::ranges::find(known_, key, &std::pair<std::string, Set>::first);
    if (found == known_.end()) return false;
    found->second(key, value);
    return true;
}

void UrlOptions::set_all(const StorageUrl& url) const {
    for (const auto& [key, value] : url.options) {
        if (set(key, value)) continue;
        std::vector<std::string> keys;
        for (const auto& [known, setter] : known_) keys.push_back(known);
        // A password with an unencoded ? may read as an option.
        const bool is_name =
            std::ranges::all_of(key, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
        throw ValidationError("storage", is_name ? key : ValidationError::hidden_value,
                              "is not an option of " + store_ + ": use " + listed(keys));
    }
}

}  // namespace pharox::rules
