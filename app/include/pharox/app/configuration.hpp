// Where the programs of pharox get their settings from.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace pharox::app {

/// A variable of the environment, or nothing where it is unset. An empty one counts as unset.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* name)>;
/// Reads the environment of this process.
std::optional<std::string> process_environment(const char* name);

struct Configuration {
    std::string storage;  ///< the storage URL
    std::string origin;  ///< who said so: "--storage", "PHAROX_STORAGE", the config file's path, or "default"
    /// The folder that the default storage lives in, to be made before it is opened; nothing where somebody
    /// chose a storage.
    std::optional<std::filesystem::path> default_folder{};
};

/// One rule for every setting: the flag, else the environment (PHAROX_STORAGE), else the config file
/// ($PHAROX_CONFIG, or $XDG_CONFIG_HOME/pharox/config.toml where that exists), else the default, a SQLite
/// file in $XDG_DATA_HOME/pharox. The config file is read and checked even if something stronger wins.
/// Touches nothing but that file. Throws ValidationError: a wrong or unknown key (with its line), a file that
/// PHAROX_CONFIG names and that cannot be read, no home folder to put the default in.
Configuration load_configuration(const std::optional<std::string>& storage_flag,
                                 const EnvironmentLookup& environment = process_environment);

/// Makes `folder` and what is missing above it, for the owner alone (0700). Throws ValidationError.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace pharox::app
