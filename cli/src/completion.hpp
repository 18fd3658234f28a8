// Candidates for the shell's completion of a command line.
#pragma once

#include <string>
#include <vector>

#include "session.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace pharox::cli {

struct Candidate {
    std::string text;
    std::string description{};
};

/// The candidates for the last of the words, which follow the program's name. Commands and options are those
/// of `app`; names of pools and consumers, and ids of leases, are read from the store, unless it does not
/// exist yet or has another schema. Never throws: without an answer there are no candidates.
std::vector<Candidate> completions(const CLI::App& app, Session& session,
                                   const std::vector<std::string>& words);

/// `pharox __complete WORD…`: prints the candidates, each with its description after a tab. Returns the exit
/// status.
int complete(const CLI::App& app, Session& session, const std::vector<std::string>& words);

}  // namespace pharox::cli
