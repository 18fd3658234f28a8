// Rows to models and back.
#pragma once

#include "client/connection.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"

namespace pharox::postgres {

inline constexpr int proxy_column_count = 24;
inline constexpr int lease_column_count = 13;

/// Of PHAROX_PROXY_COLUMNS, from `first` on.
Proxy read_proxy(const Rows& rows, int row, int first);
/// Changes with everything in a proxy but its leases.
std::int32_t read_revision(const Rows& rows, int row, int first);
/// Of PHAROX_LEASE_COLUMNS, as stored.
Lease read_lease(const Rows& rows, int row, int first);
ProxyPool read_pool(const Rows& rows, int row);
Consumer read_consumer(const Rows& rows, int row);

/// For insert_proxy and update_proxy.
Parameters bind_proxy(const Proxy& proxy);
/// A line of COPY for the staging table.
void append_copy_line(std::string& lines, std::int64_t place, const Proxy& proxy);

}  // namespace pharox::postgres
