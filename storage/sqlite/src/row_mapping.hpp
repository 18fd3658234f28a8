// Rows to models and back. Columns are in the order of the statements of sql/.
#pragma once

#include "connection.hpp"
#include "pharox/model/health.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "transaction.hpp"

namespace pharox::sqlite {

using sqlkit::ProxyRow;
inline constexpr int proxy_column_count = 26;

Proxy read_proxy(const Statement& row);
ProxyRow read_proxy_row(const Statement& row);
/// From the column `first` on.
Lease read_lease(const Statement& row, int first = 0);
ProxyPool read_pool(const Statement& row);
Consumer read_consumer(const Statement& row);
HealthCheckResult read_health_result(const Statement& row);
ProxyHealthRecord read_health_record(const Statement& row);

/// An enumeration as it is stored.
template <class Enumeration>
std::optional<int> code_of(const std::optional<Enumeration>& value) {
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

/// Binds pool_id … identity, available, for inserts and updates of a proxy. Reads proxy.current_leases.
void bind_proxy(Statement& statement, const Proxy& proxy);
/// An empty object is stored as NULL: most metadata are empty and are then not parsed.
void bind_metadata(Statement& statement, const Json& metadata);

/// The value of the column `available`: active and below the limit.
bool is_available(const Proxy& proxy) noexcept;

}  // namespace pharox::sqlite
