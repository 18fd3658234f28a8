// The schema of the file, migrations/*.sql.
#pragma once

#include <string>

#include "connection.hpp"
#include "pharox/sqlite/file.hpp"

namespace pharox::sqlite {

/// Refuses, unchanged, a file that is not a database of pharox or has a newer schema; throws StorageError.
/// `file` names it in the text.
void check_schema(Connection& connection, const std::string& file);

/// As check_schema, and returns the versions.
SchemaVersions stored_and_known_schema(Connection& connection, const std::string& file);

/// Refuses a file that is not at the newest schema; throws StorageError.
void require_known_schema(Connection& connection, const std::string& file);

/// Brings an older or empty database up to date, in one transaction. Safe in any number of processes at once.
void migrate(Connection& connection, const std::string& file);

}  // namespace pharox::sqlite
