// The processes that a command has started, found in /proc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace pharox::cli {

/// All descendants of this process that /proc shows. Includes those whose parent has ended only if this
/// process is a child subreaper or the first process of its PID namespace.
[[nodiscard]] std::vector<pid_t> descendants();

/// All processes, except this one, that were started with `entry` (NAME=value) in their environment, as far
/// as this process may read it: that of another user's process, or of a set-user-id program, only root may.
[[nodiscard]] std::vector<pid_t> processes_with(const std::string& entry);

}  // namespace pharox::cli
