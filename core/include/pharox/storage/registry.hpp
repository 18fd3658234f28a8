// From a storage URL to a storage. Nothing registers itself: the application says which stores it knows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// A storage URL taken apart: `scheme:rest?key=value&…`, keys and values percent-decoded.
struct StorageUrl {
    std::string scheme;                            ///< lower case
    std::string rest;                              ///< between the scheme's colon and the query, as written
    std::map<std::string, std::string> options{};  ///< a repeated key is refused

    /// Throws ValidationError("storage", …), which shows no user info.
    static StorageUrl parse(std::string_view text);
};

/// Not thread-safe while factories are added; open() may then be called from any thread.
class StorageRegistry {
  public:
    using Factory = std::function<std::shared_ptr<IStorage>(const StorageUrl&)>;

    /// Throws ConflictError if the scheme is taken, ValidationError if it is not lower case or there is no
    /// factory.
    void add(std::string scheme, Factory factory);
    [[nodiscard]] std::vector<std::string> schemes() const;
    /// Throws ValidationError for a scheme that nobody registered, naming those that are.
    [[nodiscard]] std::shared_ptr<IStorage> open(std::string_view url) const;

  private:
    std::map<std::string, Factory, std::less<>> factories_;
};

/// `registry.open(url)`, as a verb.
std::shared_ptr<IStorage> open(std::string_view url, const StorageRegistry& registry);

}  // namespace pharox
