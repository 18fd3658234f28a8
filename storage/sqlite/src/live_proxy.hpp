// A proxy as it now reads.
#pragma once

#include <optional>

#include "queries.hpp"
#include "row_mapping.hpp"

namespace pharox::sqlite {

std::optional<Proxy> find_live_proxy(auto& transaction, Timestamp now, ProxyId id) {
    Statement row = transaction.prepare(query::live_proxy_by_id);
    if (!row.bind(now).bind(id).step()) return std::nullopt;
    return read_proxy(row);
}

}  // namespace pharox::sqlite
