// Which process wrote a row, and whether it still runs.
#pragma once

#include <string>

namespace pharox::sqlite {

/// Identifies the current boot of the system; empty if it is unknown.
const std::string& boot_id();
/// Identifies this process: boot, PID namespace, PID and start time.
std::string this_process();
/// Whether the process has certainly ended. False for a process of another PID namespace.
bool has_ended(const std::string& process);

}  // namespace pharox::sqlite
