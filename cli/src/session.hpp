// The context of every command: the settings of this call, and the storage, which is opened on first use.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/errors.hpp"
#include "pharox/manager/proxy_manager.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::cli {

/// The arguments do not say what to do: exit_code::bad_input.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// A named object does not exist: exit_code::not_found.
class NotFoundError : public Error {
  public:
    using Error::Error;
};

class Session {
  public:
    std::optional<std::string> storage_flag{};  ///< --storage
    bool json = false;                          ///< --json
    std::function<int()> selected{};            ///< the selected command; returns the exit status

    /// Opens the storage of load_configuration(). Throws ValidationError, StorageError.
    IStorage& storage();
    ICatalog& catalog();
    ProxyManager& manager();

    /// Returns the pool. Throws PoolNotFoundError.
    ProxyPool pool(const std::string& name);
    /// All pools, by name.
    std::vector<ProxyPool> pools();
    /// `pool "latm" does not exist; did you mean "latam"?`
    std::string unknown_pool_text(const std::string& name);
    /// `consumer "scaper" does not exist; did you mean "scraper"?`
    std::string unknown_consumer_text(const std::string& name);

  private:
    std::shared_ptr<IStorage> storage_;
    std::unique_ptr<ProxyManager> manager_;
};

/// Runs `work`, prints its exception on standard error, and returns the exit status for it.
int guarded(Session& session, const std::function<int()>& work);

}  // namespace pharox::cli
