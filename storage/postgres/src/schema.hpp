// The schema, migrations/*.sql.
#pragma once

#include "database.hpp"

namespace pharox::postgres {

/// What leads from the database's schema to ours. Refuses a newer one, and a server that is too old or keeps
/// text in another encoding than UTF-8.
MigrationPlan plan_migration(Database& database);
/// Executes it, in one transaction, in one process at a time.
MigrationPlan migrate(Database& database);
/// Refuses every schema but the newest that this version knows.
void expect_schema(Database& database);

/// Throws ValidationError("schema", …) for what is not a name of up to 60 lower-case letters, digits and _.
void check_schema_name(std::string_view name);

}  // namespace pharox::postgres
