// The storages of this build.
#pragma once

#include <string>
#include <string_view>

#include "pharox/storage/registry.hpp"

namespace pharox::app {

/// Registers each storage that is compiled into this program. Throws ConflictError if a scheme is already
/// registered.
void register_all_storages(StorageRegistry& registry);

/// How a store's schema was migrated, or would be, from one version to another.
struct Migration {
    int from = 0;
    int to = 0;
    std::string sql;  ///< empty if there is nothing to do
};
/// Migrates the schema of the storage; with `dry_run` only returns the plan. Throws UnsupportedError for
/// storages that migrate by themselves.
Migration migrate_storage(std::string_view url, bool dry_run);

}  // namespace pharox::app
