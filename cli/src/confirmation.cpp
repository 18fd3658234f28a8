#include "confirmation.hpp"

#include <unistd.h>

#include <iostream>

#include "exit_code.hpp"
#include "output.hpp"
#include "text.hpp"

namespace pharox::cli {

std::optional<int> refused(const std::string& question, bool yes) {
    if (yes) return std::nullopt;
    if (::isatty(STDIN_FILENO) != 1) {
        complain(question + " Confirm it with --yes; nothing was changed");
        return exit_code::bad_input;
    }
    std::cerr << printable(question) << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
    complain("nothing was changed");
    return exit_code::failure;
}

}  // namespace pharox::cli
