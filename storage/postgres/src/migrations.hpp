// The schema, and how an older one becomes it.
#pragma once

#include "database.hpp"

namespace pharox::postgres {

/// The newest schema that this version knows.
int known_schema() noexcept;

/// What leads from the database's schema to ours. Refuses a newer one, and a server that is too old or keeps
/// text in another encoding than UTF-8.
MigrationPlan plan_migration(Database& database);
/// Does it, in one transaction, one process at a time.
MigrationPlan migrate(Database& database);
/// Refuses anything but the schema that this version knows.
void expect_schema(Database& database);

}  // namespace pharox::postgres
