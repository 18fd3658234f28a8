#include "pharox/app/storages.hpp"

#include "pharox/errors.hpp"
#include "pharox/sqlite/storage.hpp"
#include "pharox/storage/in_memory.hpp"
#ifdef PHAROX_WITH_POSTGRES
#include "pharox/postgres/storage.hpp"
#endif

namespace pharox::app {

void register_all_storages(StorageRegistry& registry) {
    register_memory(registry);
    sqlite::register_sqlite(registry);
#ifdef PHAROX_WITH_POSTGRES
    postgres::register_postgres(registry);
#endif
}

Migration migrate_storage(std::string_view url, bool dry_run) {
    const StorageUrl parsed = StorageUrl::parse(url);
#ifdef PHAROX_WITH_POSTGRES
    if (parsed.scheme == "postgres" || parsed.scheme == "postgresql") {
        const postgres::Options options = postgres::options_of(parsed);
        postgres::MigrationPlan plan =
            dry_run ? postgres::plan_migration(options) : postgres::migrate(options);
        return {.from = plan.from, .to = plan.to, .sql = std::move(plan.sql)};
    }
#endif
    static_cast<void>(dry_run);
    throw UnsupportedError("migrations (" + parsed.scheme + " storages migrate when they are opened)");
}

}  // namespace pharox::app
