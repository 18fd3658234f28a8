// pharox doctor
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "commands.hpp"
#include "doctor_checks.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

int doctor(Session& session) {
    const std::vector<Check> checks = run_checks(session);
    const auto any = [&](CheckStatus status) {
        return std::ranges::count(checks, status, &Check::status) > 0;
    };
    CheckStatus worst = CheckStatus::ok;
    if (any(CheckStatus::warning)) worst = CheckStatus::warning;
    if (any(CheckStatus::failed)) worst = CheckStatus::failed;
    if (session.json) {
        Json list = Json::array();
        for (const Check& check : checks) {
            list = list.with_element(Json::object(
                {{"name", check.name}, {"status", to_string(check.status)}, {"detail", check.detail}}));
        }
        std::cout << Json::object({{"status", to_string(worst)}, {"checks", list}}).dump() << '\n';
    } else {
        Table table({{.title = "CHECK"}, {.title = "STATUS"}, {.title = "DETAIL"}});
        for (const Check& check : checks)
            table.add_row({check.name, std::string(to_string(check.status)), check.detail});
        table.print(std::cout);
    }
    return worst == CheckStatus::failed ? exit_code::failure : exit_code::success;
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("doctor", "Check configuration, files, disk, schema, store and clock");
    command->footer(
        "Creates and migrates nothing. Exit status 1: a check failed; warnings do not count.\n\n"
        "Example:\n  pharox doctor --json");
    command->callback([&session] { session.selected = [&session] { return doctor(session); }; });
}

}  // namespace pharox::cli
