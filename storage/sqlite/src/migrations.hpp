// The schema, and how an older one becomes it.
#pragma once

#include <string>

#include "connection.hpp"

namespace pharox::sqlite {

/// The newest schema that this version knows.
int known_schema() noexcept;

/// Refuses, untouched, what is no database of ours or has a newer schema; throws StorageError. `file` is for
/// texts.
void check_schema(Connection& connection, const std::string& file);

/// Refuses whatever is not at the newest schema; throws StorageError.
void require_known_schema(Connection& connection, const std::string& file);

/// Brings an older or empty database up to date, each step in a transaction of its own. Safe in any number
/// of processes at once.
void migrate(Connection& connection, const std::string& file);

}  // namespace pharox::sqlite
