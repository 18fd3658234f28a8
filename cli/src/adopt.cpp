// pharox adopt
#include "pharox/adopt/adopt.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <memory>
#include <utility>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

constexpr std::size_t notes_shown = 20;

struct AdoptOptions {
    std::string source;
    std::string health_records = "100";
    adopt::Options adopt{};
};

/// The kinds of objects, and their counts.
std::array<std::pair<std::string_view, adopt::Count>, 5> counts(const adopt::Report& report) {
    return {{{"pools", report.pools},
             {"consumers", report.consumers},
             {"proxies", report.proxies},
             {"leases", report.leases},
             {"health_records", report.health_records}}};
}

void print_json(const adopt::Report& report, bool dry_run) {
    Json json = Json::object(
        {{"dry_run", dry_run}, {"versions", report.versions}, {"ended_leases", report.ended_leases}});
    for (const auto& [kind, count] : counts(report))
        json = json.with(kind, Json::object({{"found", count.found}, {"adopted", count.adopted}}));
    std::string open = json.dump();
    open.pop_back();  // removes the closing brace: the list follows
    JsonList notes(std::cout, open + ",\"notes\":[", "]}");
    for (const adopt::Note& note : report.notes) {
        notes.add(Json::object({{"kind", note.kind},
                                {"id", note.id},
                                {"outcome", to_string(note.outcome)},
                                {"reason", note.reason}}));
    }
    notes.close();
}

void print_notes(const adopt::Report& report) {
    std::size_t shown = 0;
    for (const adopt::Note& note : report.notes) {
        if (++shown > notes_shown) {
            const auto rest = static_cast<std::int64_t>(report.notes.size() - notes_shown);
            std::cerr << "… and " << with_thousands(rest) << " more (--json lists all)\n";
            return;
        }
        const std::string outcome =
            note.outcome == adopt::Outcome::left_out ? "left out" : std::string(to_string(note.outcome));
        std::cerr << note.kind << ' ' << note.id << ": " << outcome << ": " << printable(note.reason) << '\n';
    }
}

void print_summary(const adopt::Report& report, bool dry_run) {
    constexpr auto right = Table::Align::right;
    if (dry_run) std::cout << "dry run, nothing was stored\n";
    std::cout << "the source has the tables of pharox " << report.versions << " for Python\n";
    Table table({{.title = ""}, {.title = "FOUND", .align = right}, {.title = "ADOPTED", .align = right}});
    for (const auto& [kind, count] : counts(report)) {
        std::string name(kind);
        if (kind == "leases") name = "open leases";
        if (kind == "health_records") name = "health records";
        table.add_row({name, with_thousands(count.found), with_thousands(count.adopted)});
    }
    table.print(std::cout);
    std::cout << "ended leases, not adopted: " << with_thousands(report.ended_leases) << '\n';
}

int adopt_database(Session& session, AdoptOptions options) {
    options.adopt.health_records_per_proxy =
        parse_number<std::int64_t>(options.health_records, "health-records");
    if (options.adopt.health_records_per_proxy < 0)
        throw ValidationError("health-records", options.health_records, "is below 0");
    const auto source = adopt::open_source(options.source);
    adopt::Report report;
    try {
        report = adopt::adopt(*source, session.storage(), options.adopt);
    } catch (const PoolNotFoundError& error) {
        complain("pool \"" + without_password(error.pool()) + "\" does not exist in the source");
        return exit_code::not_found;
    }
    if (session.json) {
        print_json(report, options.adopt.dry_run);
    } else {
        print_notes(report);
        print_summary(report, options.adopt.dry_run);
    }
    return exit_code::success;
}

}  // namespace

void add_adopt_command(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("adopt", "Bring in a database of the Python package pharox (0.4 to 0.11)");
    const auto options = std::make_shared<AdoptOptions>();
    command->add_option("SOURCE", options->source, "URL of the PostgreSQL database, which is only read")
        ->required();
    command->add_option("-p,--pool", options->adopt.pools, "Only this pool (repeat for more)")->expected(1);
    command
        ->add_option("--health-records", options->health_records,
                     "How many health records of each proxy, the newest; 0 for none")
        ->capture_default_str();
    command->add_flag("--dry-run", options->adopt.dry_run, "Report what would happen and store nothing");
    command->footer(
        R"(Pools, proxies, consumers, open leases and health records keep their ids. All of it is adopted or nothing; a pool of
the same name must not exist. Stop the Python workers first: leases that they acquire meanwhile are not adopted.

Examples:
  pharox adopt postgresql://pharox@db/pharox --dry-run
  pharox adopt 'postgresql+psycopg://pharox@db/pharox' --pool latam --json)");
    command->callback([&session, options] {
        session.selected = [&session, options] { return adopt_database(session, *options); };
    });
}

}  // namespace pharox::cli
