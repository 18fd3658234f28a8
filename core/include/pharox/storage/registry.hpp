// Opening a storage by its URL. There is no automatic registration: the application registers the stores.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// A parsed storage URL: `scheme:rest?key=value&…`, keys and values percent-decoded.
struct StorageUrl {
    std::string scheme;                            ///< lower case
    std::string rest;                              ///< between the scheme's colon and the query, unchanged
    std::map<std::string, std::string> options{};  ///< a repeated key is refused

    /// Throws ValidationError("storage", …), which shows no user info.
    static StorageUrl parse(std::string_view text);
};

/// Not thread-safe while factories are added; afterwards open() may be called from any thread.
class StorageRegistry {
  public:
    using Factory = std::function<std::shared_ptr<IStorage>(const StorageUrl&)>;

    /// Throws ConflictError if the scheme is registered already, ValidationError if it is not lower case or
    /// the factory is null.
    void add(std::string scheme, Factory factory);
    [[nodiscard]] std::vector<std::string> schemes() const;
    /// Throws ValidationError for an unregistered scheme, with the registered ones.
    [[nodiscard]] std::shared_ptr<IStorage> open(std::string_view url) const;

  private:
    std::map<std::string, Factory, std::less<>> factories_;
};

/// As `registry.open(url)`.
std::shared_ptr<IStorage> open(std::string_view url, const StorageRegistry& registry);

}  // namespace pharox
