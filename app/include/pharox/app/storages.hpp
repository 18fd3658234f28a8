// The storages of this build.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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

/// The file that contains the store; nothing for a store on a server. Throws ValidationError.
std::optional<std::filesystem::path> storage_file(std::string_view url);

/// The version of a store's schema, and the one that this program needs. Changes nothing. Throws
/// StorageError.
struct SchemaVersions {
    int stored = 0;
    int known = 0;
};
SchemaVersions schema_versions(std::string_view url);

/// A verified copy of a store.
struct Backup {
    std::uintmax_t bytes = 0;
    std::int64_t pools = 0, proxies = 0, consumers = 0, leases = 0;
};
/// Copies the store to a file while it is in use. Throws UnsupportedError, with the tool to use, for storages
/// on a server; ConflictError if the file exists and is not to be replaced; StorageError.
Backup backup_storage(std::string_view url, const std::filesystem::path& file, bool replace);

}  // namespace pharox::app
