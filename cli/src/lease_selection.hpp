// The leases that a command acts on: by pool, consumer and proxy.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pharox/storage/lease_control.hpp"
#include "session.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace pharox::cli {

class LeaseSelection {
  public:
    /// The options --consumer and --proxy, and with `by_pool` --pool. Must outlive the parse.
    void declare(CLI::App& command, bool by_pool = true);
    [[nodiscard]] bool empty() const { return pool_.empty() && consumer_.empty() && proxy_.empty(); }
    /// Calls `visit` for each selected lease, page by page, until it returns false. No page is open while
    /// `visit` runs. Throws PoolNotFoundError, ConsumerNotFoundError, ProxyNotFoundError.
    void for_each(Session& session, std::optional<LeaseStatus> status,
                  const std::function<bool(const Lease&)>& visit) const;
    /// The ids of the active leases.
    [[nodiscard]] std::vector<LeaseId> active(Session& session) const;

  private:
    std::string pool_{}, consumer_{}, proxy_{};
};

/// The names of the consumers and the proxies of leases, each looked up once.
class LeaseNames {
  public:
    explicit LeaseNames(Session& session) : session_(session) {}
    /// Empty if the consumer was removed.
    std::string consumer(const Lease& lease);
    /// The proxy's URL without user and password; empty if it was removed.
    std::string proxy(const Lease& lease);

  private:
    Session& session_;
    std::map<ConsumerId, std::string> consumers_{};
    std::map<ProxyId, std::string> proxies_{};
};

}  // namespace pharox::cli
