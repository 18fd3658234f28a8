// pharox completion | __complete
#include "completion.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string_view>

#include "command_tree.hpp"
#include "commands.hpp"
#include "completion_scripts.hpp"
#include "exit_code.hpp"
#include "pharox/app/configuration.hpp"
#include "pharox/app/storages.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/lease_control.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

constexpr unsigned longest_seconds = 3;  // a server may not answer, and a person waits

/// Whether opening the store neither creates nor migrates it.
bool store_is_ready(const Session& session) {
    const std::string url = app::load_configuration(session.storage_flag).storage;
    if (const auto file = app::storage_file(url); file && !std::filesystem::exists(*file)) return false;
    const app::SchemaVersions versions = app::schema_versions(url);
    return versions.stored == versions.known;
}

std::vector<std::string> pool_names(Session& session) {
    std::vector<std::string> names;
    for (const ProxyPool& pool : session.pools()) names.push_back(pool.name);
    return names;
}

std::vector<std::string> consumer_names(Session& session) {
    std::vector<std::string> names;
    for (const Consumer& consumer : session.catalog().list_consumers({.limit = 1'000}).items)
        names.push_back(consumer.name);
    return names;
}

std::vector<std::string> active_leases(Session& session) {
    std::vector<std::string> ids;
    for (const Lease& lease : require_lease_control(session.storage())
                                  .list_leases({.status = LeaseStatus::active, .limit = 100})
                                  .items)
        ids.push_back(lease.id.to_string());
    return ids;
}

/// The words that an option or a positional argument accepts; empty if they are not known.
std::vector<std::string> fixed_values(const std::string& name) {
    static const std::map<std::string, std::vector<std::string>, std::less<>> values{
        {"--status", {"active", "inactive", "slow", "banned"}},
        {"STATUS", {"active", "inactive", "slow", "banned"}},
        {"--protocol", {"http", "https", "socks4", "socks5", "socks4a", "socks5h"}},
        {"--selector",
         {"first_available", "round_robin", "least_used", "lowest_latency", "random", "weighted_random"}},
        {"--format", {"lines", "urls", "csv", "json", "json-lines", "clash", "base64"}},
        {"--on-lost", {"warn", "kill"}},
        {"--on-duplicate", {"reject", "skip", "update"}},
        {"SHELL", {"bash", "zsh", "fish"}}};
    const auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>() : found->second;
}

std::vector<std::string> stored_values(Session& session, const std::string& command,
                                       const std::string& name) {
    const bool of_pool = command == "pharox pool remove" && name == "NAME";
    const bool of_consumer = command == "pharox consumer remove" && name == "NAME";
    const bool any = name == "--pool" || name == "--consumer" || name == "LEASE" || of_pool || of_consumer;
    if (!any || !store_is_ready(session)) return {};
    if (name == "--pool" || of_pool) return pool_names(session);
    if (name == "--consumer" || of_consumer) return consumer_names(session);
    return active_leases(session);
}

/// What precedes the word to complete.
struct Position {
    const CLI::App* command;
    const CLI::Option* option = nullptr;  ///< the word is its value
    std::size_t positionals = 0;          ///< arguments of the command so far
};

const CLI::Option* find_option(const CLI::App& command, const std::string& word) {
    for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
        for (const CLI::Option* option : options_of(*at))
            if (option->check_name(word)) return option;
    }
    return nullptr;
}

/// Nothing after the -- of `run`: the words are another program's.
std::optional<Position> position_after(const CLI::App& app, Session& session,
                                       const std::vector<std::string>& words) {
    Position at{.command = &app};
    for (const std::string& word : words) {
        if (word == "=") continue;  // bash splits words there
        if (at.option != nullptr) {
            if (at.option->check_name("--storage")) session.storage_flag = word;
            at.option = nullptr;
        } else if (word == "--") {
            return std::nullopt;
        } else if (word.starts_with('-')) {
            const CLI::Option* const option = find_option(*at.command, word);
            if (option != nullptr && takes_value(*option)) at.option = option;
        } else {
            const auto commands = subcommands_of(*at.command);
            const auto found = std::ranges::find(commands, word, &CLI::App::get_name);
            if (found != commands.end()) {
                at.command = *found;
            } else {
                ++at.positionals;
            }
        }
    }
    return at;
}

/// The positional argument that comes next; the last one may repeat.
std::string next_positional(const Position& at) {
    const auto positionals = at.command->get_options(
        [](const CLI::Option* option) { return option->get_positional() && !option->get_group().empty(); });
    if (positionals.empty()) return {};
    const std::size_t index = std::min(at.positionals, positionals.size() - 1);
    const bool repeats = positionals[index]->get_items_expected_max() > 1;
    return index < at.positionals && !repeats ? std::string() : positionals[index]->get_name(true);
}

std::vector<Candidate> candidates_at(const Position& at, Session& session, std::string_view current) {
    std::vector<Candidate> candidates;
    if (at.option == nullptr && current.starts_with('-')) {
        for (const CLI::App* command = at.command; command != nullptr; command = command->get_parent()) {
            for (const CLI::Option* option : options_of(*command)) {
                for (std::string& name : names_of(*option)) {
                    if (std::ranges::find(candidates, name, &Candidate::text) == candidates.end())
                        candidates.push_back({std::move(name), option->get_description()});
                }
            }
        }
        return candidates;
    }
    if (at.option == nullptr && !subcommands_of(*at.command).empty()) {
        for (const CLI::App* command : subcommands_of(*at.command))
            candidates.push_back({command->get_name(), command->get_description()});
        return candidates;
    }
    const std::string name = at.option != nullptr ? names_of(*at.option).front() : next_positional(at);
    std::vector<std::string> values = fixed_values(name);
    if (values.empty()) values = stored_values(session, full_name(*at.command), name);
    for (std::string& value : values) candidates.push_back({std::move(value)});
    return candidates;
}

}  // namespace

std::vector<Candidate> completions(const CLI::App& app, Session& session,
                                   const std::vector<std::string>& words) {
    try {
        if (words.empty()) return {};
        const std::string_view current = words.back() == "=" ? "" : std::string_view(words.back());
        const auto at = position_after(app, session, {words.begin(), std::prev(words.end())});
        if (!at) return {};
        std::vector<Candidate> candidates = candidates_at(*at, session, current);
        std::erase_if(candidates, [&](const Candidate& candidate) {
            return !candidate.text.starts_with(current) || printable(candidate.text) != candidate.text;
        });
        return candidates;
    } catch (const std::exception&) {  // a completion prints no errors
        return {};
    }
}

int complete(const CLI::App& app, Session& session, const std::vector<std::string>& words) {
    ::alarm(longest_seconds);
    for (const Candidate& candidate : completions(app, session, words))
        std::cout << candidate.text << '\t' << printable(candidate.description) << '\n';
    std::cout.flush();
    return exit_code::success;
}

void add_completion_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("completion", "Print a script that completes commands in a shell");
    const auto shell = std::make_shared<std::string>();
    command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
    command->footer(
        "Completes commands, options, and names of pools, consumers and leases in the store.\n\n"
        "Examples:\n  bash: source <(pharox completion bash)\n"
        "  zsh:  source <(pharox completion zsh)\n"
        "  fish: pharox completion fish | source");
    command->callback([&session, shell] {
        session.selected = [shell] {
            const std::string_view script = completion_script(*shell);
            if (script.empty()) throw ValidationError("SHELL", *shell, "is not bash, zsh or fish");
            std::cout << script;
            return exit_code::success;
        };
    });
}

}  // namespace pharox::cli
