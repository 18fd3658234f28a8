// The proxies of removed pools.
#pragma once

#include "database.hpp"

namespace pharox::sqlite {

/// Deletes the proxies of pools that are removed, in transactions of bounded duration. Continues what a
/// process that died had begun; several processes may do it at once.
void delete_proxies_of_removed_pools(Database& database);

}  // namespace pharox::sqlite
