// A capability: checking and repairing a store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// A proxy whose lease count differs from the number of its active leases.
struct CounterMismatch {
    ProxyId proxy_id{};
    std::string pool;
    std::int64_t counter = 0;
    std::int64_t active_leases = 0;

    friend bool operator==(const CounterMismatch&, const CounterMismatch&) = default;
};
struct AuditResult {
    std::int64_t proxies = 0;                   ///< the number of proxies
    std::int64_t leases = 0;                    ///< the number of active leases
    std::vector<CounterMismatch> mismatches{};  ///< by proxy id
};

class IMaintenance {
  public:
    virtual ~IMaintenance() = default;

    /// Throws StorageError with the reason if the store is unreachable, does not have the schema that this
    /// version needs, or does not accept writes.
    virtual void ping() = 0;
    /// Compares every lease count with the leases, in one consistent snapshot. Reads everything: not for the
    /// hot path.
    virtual AuditResult audit() = 0;
    /// As audit, and corrects the lease counts.
    virtual AuditResult repair() = 0;
};

}  // namespace pharox
