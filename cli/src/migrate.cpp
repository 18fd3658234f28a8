// pharox migrate
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "pharox/app/configuration.hpp"
#include "pharox/app/storages.hpp"
#include "pharox/model/json.hpp"

namespace pharox::cli {
namespace {

int migrate(const Session& session, bool dry_run) {
    const app::Configuration configuration = app::load_configuration(session.storage_flag);
    const app::Migration migration = app::migrate_storage(configuration.storage, dry_run);
    // One transaction, as the command itself uses.
    const std::string sql = migration.sql.empty() ? "" : "BEGIN;\n" + migration.sql + "COMMIT;\n";
    if (session.json) {
        Json json = Json::object({{"from", migration.from}, {"to", migration.to}});
        if (dry_run) json = json.with("sql", sql);
        std::cout << json.dump() << '\n';
    } else if (dry_run) {
        std::cout << sql;
    } else if (migration.sql.empty()) {
        std::cout << "the schema is up to date (version " << migration.to << ")\n";
    } else {
        std::cout << "migrated from version " << migration.from << " to " << migration.to << '\n';
    }
    return exit_code::success;
}

}  // namespace

void add_migrate_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("migrate", "Migrate a server's schema to the current version");
    const auto dry_run = std::make_shared<bool>(false);
    command->add_flag("--dry-run", *dry_run, "Print the SQL and change nothing");
    command->footer("Example:\n  pharox --storage postgresql://pharox_owner@db/pharox migrate --dry-run");
    command->callback([&session, dry_run] {
        session.selected = [&session, dry_run] { return migrate(session, *dry_run); };
    });
}

}  // namespace pharox::cli
