// The file of a store, for operators: its path, the version of its schema, copies.
#pragma once

#include <cstdint>
#include <filesystem>

#include "pharox/storage/registry.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace sqlite {

/// The path that a storage URL names, relative as written. Throws ValidationError.
std::filesystem::path path_of(const StorageUrl& url);

struct SchemaVersions {
    int stored = 0;  ///< 0 for an empty file
    int known = 0;   ///< the newest version that this program knows
};
/// Reads the version and changes nothing. Throws StorageError if the file is missing, is no database of
/// pharox, or has a newer schema.
SchemaVersions schema_versions(const std::filesystem::path& file);

struct BackupReport {
    std::uintmax_t bytes = 0;  ///< of the copy
    std::int64_t pools = 0, proxies = 0, consumers = 0, leases = 0;
};
/// Copies the store as it is at one instant, while other processes read and write it. The copy is one file of
/// mode 0600 that is a store itself; it appears under its name when it is complete, has passed SQLite's
/// integrity check, has as many rows as the store had, and is on the disk. Writers are not blocked; the
/// store's write-ahead log grows until the copy is made. Throws ConflictError if `copy` exists and is not to
/// be replaced, StorageError; then nothing remains.
BackupReport backup(const std::filesystem::path& file, const std::filesystem::path& copy, bool replace);

}  // namespace sqlite
}  // namespace pharox
