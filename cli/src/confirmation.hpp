// Confirmation of changes that cannot be undone.
#pragma once

#include <optional>
#include <string>

namespace pharox::cli {

/// Nothing if the change was confirmed, by --yes or by an answer on the terminal; otherwise the exit status.
/// Without a terminal on standard input it is refused, with a line on standard error that says so.
std::optional<int> refused(const std::string& question, bool yes);

}  // namespace pharox::cli
