// What every command is given: the settings of this call, and the storage, opened when it is first needed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/manager/proxy_manager.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::cli {

class Session {
  public:
    std::optional<std::string> storage_flag{};  ///< --storage
    bool json = false;                          ///< --json
    std::function<int()> selected{};            ///< the command that was asked for; gives the exit status

    /// Opens what load_configuration() says. Throw ValidationError, StorageError.
    IStorage& storage();
    ICatalog& catalog();
    ProxyManager& manager();

    /// The pool, or PoolNotFoundError.
    ProxyPool pool(const std::string& name);
    /// All of them, by name.
    std::vector<ProxyPool> pools();
    /// `pool "latm" does not exist; did you mean "latam"?`
    std::string unknown_pool_text(const std::string& name);

  private:
    std::shared_ptr<IStorage> storage_;
    std::unique_ptr<ProxyManager> manager_;
};

/// Runs `work`, tells what it throws on standard error, and gives the exit status for that.
int guarded(Session& session, const std::function<int()>& work);

}  // namespace pharox::cli
