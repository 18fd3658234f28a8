// A proxy as it now reads: without expired leases.
#pragma once

#include <optional>

#include "row_mapping.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

inline std::optional<Proxy> find_live_proxy(Connection& connection, Timestamp now, ProxyId id) {
    Statement row = connection.prepare(sql::live_proxy_by_id);
    if (!row.bind(now).bind(id).step()) return std::nullopt;
    return read_proxy(row);
}

}  // namespace pharox::sqlite
