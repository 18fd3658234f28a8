// A capability: is the store sound, and if not, make it so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// A proxy whose counter is not the number of its active leases.
struct CounterMismatch {
    ProxyId proxy_id{};
    std::string pool;
    std::int64_t counter = 0;
    std::int64_t active_leases = 0;

    friend bool operator==(const CounterMismatch&, const CounterMismatch&) = default;
};
struct AuditResult {
    std::int64_t proxies = 0;                   ///< looked at
    std::int64_t leases = 0;                    ///< active ones
    std::vector<CounterMismatch> mismatches{};  ///< by proxy id
};

class IMaintenance {
  public:
    virtual ~IMaintenance() = default;

    /// Whether the store is reachable, has the schema that this version needs, and takes writes. Throws
    /// StorageError that says what is wrong.
    virtual void ping() = 0;
    /// Compares every counter with the leases, in one consistent look. Reads everything: not for the hot
    /// path.
    virtual AuditResult audit() = 0;
    /// The same, and sets the counters right.
    virtual AuditResult repair() = 0;
};

}  // namespace pharox
