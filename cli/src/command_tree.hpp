// The commands and options of the program, as CLI11 knows them, for completion, the manual page and errors.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace pharox::cli {

/// Commands without those that help does not list.
std::vector<const CLI::App*> subcommands_of(const CLI::App& command);
/// The options of a command that help lists, without positional ones.
std::vector<const CLI::Option*> options_of(const CLI::App& command);
/// `--pool`: the long names of an option, or the short ones if it has none.
std::vector<std::string> names_of(const CLI::Option& option);
bool takes_value(const CLI::Option& option);
/// `pharox lease list`.
std::string full_name(const CLI::App& command);

}  // namespace pharox::cli
