// pharox: the command line.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "command_tree.hpp"
#include "commands.hpp"
#include "completion.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "session.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

constexpr const char* description =
    "Leases network proxies to workers, within each proxy's limit of concurrent leases.";

constexpr const char* footer = R"(Examples:
  pharox import --pool latam list.txt
  pharox run --pool latam --country AR -- curl -s https://example.org
  pharox stats --watch

Storage: --storage, else $PHAROX_STORAGE, else `storage` in the config file ($PHAROX_CONFIG, or
$XDG_CONFIG_HOME/pharox/config.toml), else SQLite in $XDG_DATA_HOME/pharox (~/.local/share/pharox).

Exit status: 0 done · 1 failed · 2 wrong usage or input · 3 no proxy available · 4 no such pool, proxy or
lease · 5 the storage failed. `run` returns the command's own; see pharox run --help.)";

/// The arguments of pharox itself, and those after the first `--`, which `run` executes.
struct Arguments {
    std::vector<std::string> own{};
    std::vector<std::string> command{};
    bool runs = false;
};

Arguments split_arguments(int argc, char** argv) {
    Arguments arguments;
    bool seen_command = false;
    for (int at = 1; at < argc; ++at) {
        const std::string_view argument = argv[at];
        if (!seen_command && !argument.starts_with('-')) {
            seen_command = true;
            arguments.runs = argument == "run";
        } else if (!seen_command && argument == "--storage" && at + 1 < argc) {
            arguments.own.emplace_back(argument);
            arguments.own.emplace_back(argv[++at]);
            continue;
        }
        if (arguments.runs && argument == "--") {
            arguments.command.assign(argv + at + 1, argv + argc);
            break;
        }
        arguments.own.emplace_back(argument);
    }
    return arguments;
}

/// Whether all output was written: a full disk must not be reported as success.
bool flush_output() {
    std::cout.flush();
    if (std::cout) return true;
    complain("standard output: cannot be written");
    return false;
}

/// The first unknown argument; empty if there is none.
std::string first_unknown(const CLI::App& app) {
    for (std::string& argument : app.remaining(true))
        if (argument != "--") return std::move(argument);
    return {};
}

/// CLI11 would list all unknown arguments, and the one after a mistyped option may be a password.
std::string not_expected(const CLI::App& app, const std::string& argument) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    const std::string name = shown_argument(argument);
    const bool option = argument.starts_with('-');
    std::vector<std::string> names;
    if (option) {
        for (const CLI::App* at = command; at != nullptr; at = at->get_parent()) {
            for (const CLI::Option* known : options_of(*at))
                std::ranges::move(names_of(*known), std::back_inserter(names));
        }
    } else {
        for (const CLI::App* known : subcommands_of(*command)) names.push_back(known->get_name());
    }
    const auto close = option && !argument.starts_with("--") ? std::nullopt : nearest(name, names);
    const std::string hint = close ? "; did you mean \"" + *close + "\"?" : "";
    if (names.empty() || option) return "\"" + name + "\" is not expected here" + hint;
    return "unknown command \"" + name + "\"" + hint;
}

int parse_error_status(const CLI::App& app, const CLI::ParseError& error, const Arguments& arguments) {
    const std::string unknown = first_unknown(app);
    if (unknown.empty() && error.get_exit_code() == 0) {  // --help, --version
        app.exit(error);
        return flush_output() ? exit_code::success : exit_code::failure;
    }
    const std::string text = error.what();
    const bool runs = app.got_subcommand("run");
    const bool lacks_dashes = runs && arguments.command.empty() && !unknown.empty();
    // CLI11 shows the value after an equals sign.
    complain((unknown.empty() ? text.substr(0, text.find(" = ")) : not_expected(app, unknown)) +
             (lacks_dashes ? " (the command follows --, as in pharox run --pool POOL -- COMMAND…)"
                           : " (pharox --help)"));
    return runs ? run_exit_code::pharox_failed : exit_code::bad_input;
}

/// A file or a connection that is opened while a standard stream is closed would take its descriptor, and
/// output would be written into it. Writing to a stream that was closed still fails.
void occupy_closed_streams() {
    for (;;) {
        const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (descriptor <= STDERR_FILENO && descriptor >= 0) continue;
        if (descriptor > STDERR_FILENO) ::close(descriptor);
        return;
    }
}

int run_program(int argc, char** argv) {
    occupy_closed_streams();
    Arguments arguments = split_arguments(argc, argv);
    Session session;
    CLI::App app(description, "pharox");
    app.set_version_flag("--version", "pharox " PHAROX_VERSION);
    app.add_option("--storage", session.storage_flag, "The storage, as a URL: sqlite:FILE");
    app.add_flag("--json", session.json, "Print JSON, for scripts");
    app.require_subcommand(1);
    app.fallthrough();  // --storage and --json may also follow the command
    app.footer(footer);
    add_import_command(app, session);
    add_export_command(app, session);
    add_pool_command(app, session);
    add_proxy_command(app, session);
    add_consumer_command(app, session);
    add_stats_command(app, session);
    add_acquire_command(app, session);
    add_release_command(app, session);
    add_renew_command(app, session);
    add_lease_command(app, session);
    add_cleanup_command(app, session);
    add_audit_command(app, session);
    add_backup_command(app, session);
    add_doctor_command(app, session);
    add_bench_command(app, session);
    add_completion_command(app, session);
    add_man_command(app, session);
    add_migrate_command(app, session);
    add_adopt_command(app, session);
    add_run_command(app, session, arguments.command);

    if (argc > 1 && std::string_view(argv[1]) == "__complete")
        return complete(app, session, {argv + 2, argv + argc});
    try {
        std::vector<std::string> reversed(arguments.own.rbegin(),
                                          arguments.own.rend());  // the order that CLI11 expects
        app.parse(reversed);
    } catch (const CLI::ParseError& error) {
        return parse_error_status(app, error, arguments);
    }
    if (arguments.runs) return session.selected();  // `run` reports its own failures
    const int status = guarded(session, session.selected);
    return flush_output() || status != exit_code::success ? status : exit_code::failure;
}

}  // namespace
}  // namespace pharox::cli

int main(int argc, char** argv) {
    try {
        return pharox::cli::run_program(argc, argv);
    } catch (const std::exception& error) {
        pharox::cli::complain(error.what());
    }
    return pharox::cli::exit_code::failure;
}
