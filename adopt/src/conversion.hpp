// From the source's rows to this library's models.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pharox/adopt/adopt.hpp"
#include "pharox/model/health.hpp"

namespace pharox::adopt {

struct AdoptedLease {
    LeaseId id{};
    ProxyId proxy_id{};
    std::string consumer;
    Timestamp acquired_at{};
    Duration remaining{};
};

/// What can be adopted, valid by the rules of this library.
class Conversion {
  public:
    /// Reads everything but the health records. Throws PoolNotFoundError for an unknown `options.pools`.
    Conversion(ISource& source, const Options& options);

    [[nodiscard]] const std::vector<ProxyPool>& pools() const noexcept { return pools_; }
    [[nodiscard]] const std::vector<Consumer>& consumers() const noexcept { return consumers_; }
    [[nodiscard]] const std::vector<Proxy>& proxies() const noexcept { return proxies_; }
    [[nodiscard]] const std::vector<AdoptedLease>& leases() const noexcept { return leases_; }
    /// False for the proxies of pools that were not requested.
    [[nodiscard]] bool concerns(ProxyId proxy) const { return !unrequested_.contains(proxy); }
    /// Nothing if the record, or its proxy, is not adopted.
    [[nodiscard]] std::optional<ProxyHealthRecord> record(const SourceRecord& record) const;
    Report& report() noexcept { return report_; }

  private:
    void read_pools(ISource& source, const std::vector<std::string>& only);
    void read_consumers(ISource& source);
    void read_proxies(ISource& source);
    void read_leases(ISource& source);
    /// Adds a note for each value that is left away.
    [[nodiscard]] Proxy converted(const SourceProxy& row);
    void note(std::string kind, std::string id, Outcome outcome, std::string reason);

    std::vector<ProxyPool> pools_{};
    std::vector<Consumer> consumers_{};
    std::vector<Proxy> proxies_{};
    std::vector<AdoptedLease> leases_{};
    std::map<PoolId, bool> wanted_pools_{};  ///< false: left out
    std::map<ConsumerId, std::string> consumer_names_{};
    std::set<ProxyId> unrequested_{};
    std::map<ProxyId, ProxyId> proxy_ids_{};  ///< the id under which a proxy was adopted
    Report report_{};
};

}  // namespace pharox::adopt
