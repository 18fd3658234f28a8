// The options of a storage URL, as a table: each key and where its value goes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pharox/model/time.hpp"
#include "pharox/storage/registry.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// Refers to the targets, which must outlive it. Values are parsed here; the store's constructor checks their
/// ranges, so that options in a URL and options in code are refused alike.
///
///     Options options;
///     rules::UrlOptions known("sqlite");
///     known.milliseconds("busy_timeout_ms", options.busy_timeout).retention(options).set_all(url);
class UrlOptions {
  public:
    /// `store` is named in errors.
    explicit UrlOptions(std::string store) : store_(std::move(store)) {}

    UrlOptions& milliseconds(std::string key, Duration& target);
    UrlOptions& count(std::string key, std::size_t& target);
    UrlOptions& text(std::string key, std::string& target);
    /// One of several words.
    template <class T>
    UrlOptions& choice(std::string key, T& target, std::vector<std::pair<std::string, T>> choices) {
        std::vector<std::string> words;
        for (const auto& [word, value] : choices) words.push_back(word);
        return add(std::move(key), [&target, choices = std::move(choices), words = std::move(words)](
                                       const std::string& name, const std::string& value) {
            target = choices[index_of(name, value, words)].second;
        });
    }
    /// retention_ms, health_retention_ms, health_records_per_proxy and, if the store has it,
    /// retained_leases.
    template <class Options>
    UrlOptions& retention(Options& options) {
        milliseconds("retention_ms", options.retention);
        if constexpr (requires { options.retained_leases; })
            count("retained_leases", options.retained_leases);
        milliseconds("health_retention_ms", options.health_retention);
        return count("health_records_per_proxy", options.health_records_per_proxy);
    }

    /// Returns false for an unknown key. Throws ValidationError(key, …) for a value that cannot be parsed.
    [[nodiscard]] bool set(const std::string& key, const std::string& value) const;
    /// Sets all options of the URL. Throws ValidationError("storage", …) for an unknown key.
    void set_all(const StorageUrl& url) const;

  private:
    using Set = std::function<void(const std::string& key, const std::string& value)>;
    UrlOptions& add(std::string key, Set set);
    static std::size_t index_of(const std::string& key, const std::string& value,
                                const std::vector<std::string>& words);

    std::string store_;
    std::vector<std::pair<std::string, Set>> known_;
};

}  // namespace rules
}  // namespace pharox
