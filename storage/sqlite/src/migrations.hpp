// The schema, and its migrations.
#pragma once

#include <string>

#include "connection.hpp"

namespace pharox::sqlite {

/// The newest schema version that this pharox supports.
int known_schema() noexcept;

/// Throws StorageError, and changes nothing, if the file belongs to another program or has a newer schema.
/// `file` is its name for error texts.
void check_schema(Connection& connection, const std::string& file);

/// Throws StorageError unless the file has the newest schema.
void require_known_schema(Connection& connection, const std::string& file);

/// Migrates an older or empty database, each step in a separate transaction. Any number of processes may do
/// it concurrently.
void migrate(Connection& connection, const std::string& file);

}  // namespace pharox::sqlite
