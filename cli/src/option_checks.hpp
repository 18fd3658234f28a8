// Checks of options' values, by CLI11 while it parses.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pharox::cli {

/// An empty name would select everything, as in `--pool "$UNSET"`.
inline CLI::Validator not_empty() {
    return {[](const std::string& value) { return value.empty() ? "is empty" : ""; }, ""};
}

}  // namespace pharox::cli
