// pharox audit | backup
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/app/configuration.hpp"
#include "pharox/app/storages.hpp"
#include "pharox/model/json.hpp"
#include "pharox/storage/maintenance.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

int audit(Session& session, bool repair) {
    IMaintenance& maintenance = require_maintenance(session.storage());
    const AuditResult result = repair ? maintenance.repair() : maintenance.audit();
    const auto wrong = static_cast<std::int64_t>(result.mismatches.size());
    if (session.json) {
        const Json counts = Json::object(
            {{"proxies", result.proxies}, {"leases", result.leases}, {"repaired", repair ? wrong : 0}});
        Json list = Json::array();
        for (const CounterMismatch& mismatch : result.mismatches) {
            list = list.with_element(Json::object({{"proxy_id", mismatch.proxy_id.to_string()},
                                                   {"pool", mismatch.pool},
                                                   {"counter", mismatch.counter},
                                                   {"active_leases", mismatch.active_leases}}));
        }
        std::cout << counts.with("mismatches", list).dump() << '\n';
    } else {
        if (wrong > 0) {
            constexpr auto right = Table::Align::right;
            Table table({{.title = "PROXY"},
                         {.title = "POOL"},
                         {.title = "COUNTER", .align = right},
                         {.title = "ACTIVE LEASES", .align = right}});
            for (const CounterMismatch& mismatch : result.mismatches) {
                table.add_row({mismatch.proxy_id.to_string(), mismatch.pool, with_thousands(mismatch.counter),
                               with_thousands(mismatch.active_leases)});
            }
            table.print(std::cout);
        }
        std::cout << "proxies " << with_thousands(result.proxies) << " · active leases "
                  << with_thousands(result.leases) << " · wrong lease counts " << with_thousands(wrong)
                  << (repair && wrong > 0 ? ", corrected" : "") << '\n';
    }
    return wrong == 0 || repair ? exit_code::success : exit_code::failure;
}

struct BackupOptions {
    std::string file;
    bool replace = false;
};

int backup(const Session& session, const BackupOptions& options) {
    const app::Configuration configuration = app::load_configuration(session.storage_flag);
    const app::Backup copy = app::backup_storage(configuration.storage, options.file, options.replace);
    if (session.json) {
        std::cout << Json::object({{"file", options.file},
                                   {"bytes", static_cast<std::int64_t>(copy.bytes)},
                                   {"pools", copy.pools},
                                   {"proxies", copy.proxies},
                                   {"consumers", copy.consumers},
                                   {"leases", copy.leases}})
                         .dump()
                  << '\n';
    } else {
        std::cout << printable(options.file) << ": " << with_thousands(static_cast<std::int64_t>(copy.bytes))
                  << " bytes, verified · pools " << with_thousands(copy.pools) << " · proxies "
                  << with_thousands(copy.proxies) << " · consumers " << with_thousands(copy.consumers)
                  << " · leases " << with_thousands(copy.leases) << '\n';
    }
    return exit_code::success;
}

}  // namespace

void add_audit_command(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("audit", "Compare the lease counts of all proxies with their leases");
    const auto repair = std::make_shared<bool>(false);
    command->add_flag("--repair", *repair, "Correct wrong lease counts");
    command->footer(
        "Reads the whole store. Exit status 1: lease counts are wrong and were not corrected.\n\n"
        "Example:\n  pharox audit --repair");
    command->callback(
        [&session, repair] { session.selected = [&session, repair] { return audit(session, *repair); }; });
}

void add_backup_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("backup", "Copy the store to a file, while it is in use");
    const auto options = std::make_shared<BackupOptions>();
    command->add_option("FILE", options->file, "The copy; only its owner can read it")->required();
    command->add_flag("--replace", options->replace, "Replace an existing file");
    command->footer(
        "The copy is the store at one instant, contains all passwords, and is checked before it gets its "
        "name.\n"
        "For SQLite; PostgreSQL has pg_dump.\n\n"
        "Example:\n  pharox backup /var/backups/pharox.db --replace");
    command->callback([&session, options] {
        session.selected = [&session, options] { return backup(session, *options); };
    });
}

}  // namespace pharox::cli
