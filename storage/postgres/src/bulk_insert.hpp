// add_proxies: by way of a temporary table, sql/bulk.sql.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "database.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::postgres {

struct BulkInsert {
    AddProxiesResult result{};
    std::set<std::string> pools{};   ///< their names
    std::vector<Proxy> to_update{};  ///< their ids are stored with other identities: to be updated one by one
};
/// In a transaction. Throws what rules::check_new() throws, for the first proxy that it concerns.
BulkInsert insert_by_copy(const Database& database, Connection& connection, const std::vector<Proxy>& proxies,
                          DuplicatePolicy policy);

}  // namespace pharox::postgres
