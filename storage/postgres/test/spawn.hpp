// Programs that a test starts, and that are killed when it ends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pharox::postgres {

int free_port();
/// Starts the program, as the user postgres if this is root, with output to `log`. Returns its process id.
int spawn_as_postgres(const std::vector<std::string>& command, const std::filesystem::path& log);

}  // namespace pharox::postgres
