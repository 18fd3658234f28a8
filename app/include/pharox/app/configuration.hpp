// The settings of pharox's programs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace pharox::app {

/// Returns an environment variable, or nothing if it is unset. An empty one is treated as unset.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* name)>;
/// Reads the environment of this process.
std::optional<std::string> process_environment(const char* name);

struct Configuration {
    std::string storage;  ///< the storage URL
    std::string origin;   ///< the source: "--storage", "PHAROX_STORAGE", the config file's path, or "default"
    /// The directory of the default storage, to be created before the storage is opened; empty if a storage
    /// was configured.
    std::optional<std::filesystem::path> default_folder{};
};

/// The order of precedence for every setting: the flag, the environment (PHAROX_STORAGE), the config file
/// ($PHAROX_CONFIG, or $XDG_CONFIG_HOME/pharox/config.toml if that exists), the default, which is an SQLite
/// file in $XDG_DATA_HOME/pharox. The config file is read and checked even if another source has precedence.
/// No other file is accessed. Throws ValidationError: an invalid or unknown key (with its line), a file that
/// PHAROX_CONFIG names and that cannot be read, no home directory for the default.
Configuration load_configuration(const std::optional<std::string>& storage_flag,
                                 const EnvironmentLookup& environment = process_environment);

/// Creates `folder` and its missing parents with mode 0700. Throws StorageError.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace pharox::app
