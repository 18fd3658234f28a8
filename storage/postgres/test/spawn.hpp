// Programs that a test starts, and that die with it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pharox::postgres {

int free_port();
/// Starts the program as the user postgres, where we are root; what it says goes to `log`. Its process id.
int spawn_as_postgres(const std::vector<std::string>& command, const std::filesystem::path& log);

}  // namespace pharox::postgres
