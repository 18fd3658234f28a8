// Every storage that this build knows.
#pragma once

#include <string>
#include <string_view>

#include "pharox/storage/registry.hpp"

namespace pharox::app {

/// Adds each storage compiled into this program. Throws ConflictError where a scheme is taken already.
void register_all_storages(StorageRegistry& registry);

/// How a store's schema got, or would get, from one version to another.
struct Migration {
    int from = 0;
    int to = 0;
    std::string sql;  ///< empty where there is nothing to do
};
/// Brings the schema of the storage up to date; with `dry_run` says how, and changes nothing. Throws
/// UnsupportedError for storages that see to it themselves.
Migration migrate_storage(std::string_view url, bool dry_run);

}  // namespace pharox::app
