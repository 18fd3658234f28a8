#include "pharox/app/storages.hpp"

#include "pharox/errors.hpp"
#include "pharox/sqlite/file.hpp"
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

std::optional<std::filesystem::path> storage_file(std::string_view url) {
    const StorageUrl parsed = StorageUrl::parse(url);
    if (parsed.scheme != "sqlite") return std::nullopt;
    return sqlite::path_of(parsed);
}

SchemaVersions schema_versions(std::string_view url) {
    if (const auto file = storage_file(url)) {
        const sqlite::SchemaVersions versions = sqlite::schema_versions(*file);
        return {.stored = versions.stored, .known = versions.known};
    }
    const Migration plan = migrate_storage(url, true);
    return {.stored = plan.from, .known = plan.to};
}

Backup backup_storage(std::string_view url, const std::filesystem::path& file, bool replace) {
    const auto source = storage_file(url);
    if (!source)
        throw UnsupportedError(
            "backup of its own: pg_dump copies a schema consistently, as in pg_dump --format=custom "
            "--schema=pharox --file=FILE DATABASE (pg_restore reads it)");
    const sqlite::BackupReport report = sqlite::backup(*source, file, replace);
    return {.bytes = report.bytes,
            .pools = report.pools,
            .proxies = report.proxies,
            .consumers = report.consumers,
            .leases = report.leases};
}

}  // namespace pharox::app
