// The scripts that connect shells to `pharox __complete`.
#pragma once

#include <string_view>

namespace pharox::cli {

/// Empty for an unknown shell.
std::string_view completion_script(std::string_view shell);

}  // namespace pharox::cli
