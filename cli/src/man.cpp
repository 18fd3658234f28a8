// pharox man
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>
#include <string_view>

#include "command_tree.hpp"
#include "commands.hpp"
#include "exit_code.hpp"

namespace pharox::cli {
namespace {

/// Text for roff: no character is special, at the beginning of a line neither.
std::string escaped(std::string_view text) {
    std::string result;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\'')) result += "\\&";
        if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else {
            result += c;
        }
        line_begins = c == '\n';
    }
    return result;
}

std::string option_text(const CLI::Option& option) {
    const bool positional = option.get_positional();
    std::string text = "\\fB" + escaped(option.get_name(positional, !positional)) + "\\fR";
    if (!positional && takes_value(option)) text += " \\fI" + escaped(option.get_type_name()) + "\\fR";
    return text;
}

void print_options(std::ostream& out, const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        if (option->get_group().empty() || option->check_name("--help")) continue;
        out << ".TP\n" << option_text(*option) << '\n' << escaped(option->get_description());
        if (!option->get_default_str().empty()) out << " [" << escaped(option->get_default_str()) << ']';
        if (option->get_required()) out << " (required)";
        out << '\n';
    }
}

/// The text that follows the options in a help; its lines are kept.
void print_footer(std::ostream& out, const CLI::App& command) {
    if (!command.get_footer().empty()) out << ".PP\n.nf\n" << escaped(command.get_footer()) << "\n.fi\n";
}

void print_command(std::ostream& out, const CLI::App& command) {
    const auto inner = subcommands_of(command);
    if (inner.empty()) {
        out << ".SS " << escaped(full_name(command)) << '\n' << escaped(command.get_description()) << ".\n";
        print_options(out, command);
        print_footer(out, command);
    }
    for (const CLI::App* subcommand : inner) print_command(out, *subcommand);
}

void print_page(std::ostream& out, const CLI::App& app) {
    out << R"(.TH PHAROX 1 "" ")" << escaped(app.version()) << "\" \"User Commands\"\n"
        << ".SH NAME\npharox \\- leases network proxies to workers\n"
        << ".SH SYNOPSIS\n.B pharox\n[\\fB\\-\\-storage\\fR \\fIURL\\fR] [\\fB\\-\\-json\\fR] "
           "\\fICOMMAND\\fR ...\n"
        << ".SH DESCRIPTION\n"
        << escaped(app.get_description()) << '\n';
    print_footer(out, app);
    out << ".SH OPTIONS\n";
    print_options(out, app);
    out << ".SH COMMANDS\n";
    for (const CLI::App* command : subcommands_of(app)) print_command(out, *command);
}

}  // namespace

void add_man_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("man", "Print the manual page of all commands");
    command->footer("Example:\n  pharox man | man -l -");
    command->callback([&app, &session] {
        session.selected = [&app] {
            print_page(std::cout, app);
            return exit_code::success;
        };
    });
}

}  // namespace pharox::cli
