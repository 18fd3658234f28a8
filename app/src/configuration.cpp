#include "pharox/app/configuration.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include "pharox/errors.hpp"

namespace pharox::app {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> lookup(const EnvironmentLookup& environment, const char* name) {
    auto value = environment(name);
    if (value && value->empty()) value.reset();
    return value;
}

/// The XDG base directory specification requires that a relative path in its variables is ignored.
std::optional<fs::path> xdg_folder(const EnvironmentLookup& environment, const char* variable,
                                   const char* below_home) {
    if (const auto value = lookup(environment, variable); value && fs::path(*value).is_absolute())
        return *value;
    if (const auto home = lookup(environment, "HOME"); home && fs::path(*home).is_absolute())
        return fs::path(*home) / below_home;
    return std::nullopt;
}

struct ConfigFile {
    fs::path path;
    bool required = false;
};

std::optional<ConfigFile> find_config_file(const EnvironmentLookup& environment) {
    if (const auto named = lookup(environment, "PHAROX_CONFIG"))
        return ConfigFile{.path = *named, .required = true};
    if (const auto folder = xdg_folder(environment, "XDG_CONFIG_HOME", ".config"))
        return ConfigFile{.path = *folder / "pharox" / "config.toml"};
    return std::nullopt;
}

/// `***` if it may be a URL, with a password.
std::string shown(const std::string& text) {
    const bool may_be_url = text.find_first_of("@:") != std::string::npos;
    return may_be_url ? std::string(ValidationError::hidden_value) : text;
}

[[noreturn]] void refuse(const fs::path& path, const toml::source_region& where, const std::string& rule) {
    throw ValidationError(shown(path.string()) + ":" + std::to_string(where.begin.line), {}, rule);
}

/// The value of `storage`, if the file sets it.
std::optional<std::string> read_config_file(const ConfigFile& file) {
    std::error_code error;
    if (!file.required && !fs::exists(file.path, error) && !error) return std::nullopt;
    const std::string name = shown(file.path.string());
    if (fs::is_directory(file.path, error)) throw ValidationError(name, {}, "is a directory");
    errno = 0;
    std::ifstream stream(file.path, std::ios::binary);
    if (!stream) {
        throw ValidationError(name, {}, "cannot be read: " + std::generic_category().message(errno));
    }
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};

    toml::table table;
    try {
        table = toml::parse(text, file.path.string());
    } catch (const toml::parse_error& broken) {
        // The parser's description may quote the text near the error, which may be a password.
        refuse(file.path, broken.source(), "this is not TOML");
    }
    std::optional<std::string> storage;
    for (const auto& [key, node] : table) {
        if (key.str() != "storage") {
            refuse(file.path, key.source(),
                   "unknown key \"" + shown(std::string(key.str())) + "\"; the only key is storage");
        }
        const auto value = node.value_exact<std::string>();
        if (!value || value->empty()) refuse(file.path, node.source(), "storage must be text: a storage URL");
        storage = *value;
    }
    return storage;
}

Configuration default_configuration(const EnvironmentLookup& environment) {
    const auto data = xdg_folder(environment, "XDG_DATA_HOME", ".local/share");
    if (!data)
        throw ValidationError("storage", {},
                              "the default needs a home directory: set HOME, or pass --storage");
    const fs::path folder = *data / "pharox";
    const std::string path = (folder / "pharox.db").string();
    if (path.find('?') != std::string::npos) {
        throw ValidationError("storage", path,
                              "contains a question mark, which a storage URL cannot contain: pass --storage");
    }
    return {.storage = "sqlite://" + path, .origin = "default", .default_folder = folder};
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): never set here
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
    if (std::string_view(name) == "HOME") {
        if (const passwd* user = ::getpwuid(::getuid()); user != nullptr && user->pw_dir != nullptr)
            return user->pw_dir;  // cron and containers may leave HOME unset or empty
    }
    return std::nullopt;
}

Configuration load_configuration(const std::optional<std::string>& storage_flag,
                                 const EnvironmentLookup& environment) {
    const auto file = find_config_file(environment);
    const auto from_file = file ? read_config_file(*file) : std::nullopt;

    if (storage_flag) return {.storage = *storage_flag, .origin = "--storage"};
    if (auto variable = lookup(environment, "PHAROX_STORAGE"))
        return {.storage = *std::move(variable), .origin = "PHAROX_STORAGE"};
    if (from_file) return {.storage = *from_file, .origin = file->path.string()};
    return default_configuration(environment);
}

void make_private_folder(const fs::path& folder) {
    fs::path so_far;
    fs::path failed;
    int error = 0;
    for (const fs::path& part : folder) {
        so_far /= part;
        if (::mkdir(so_far.c_str(), 0700) == 0 || errno == EEXIST || errno == EISDIR) continue;
        // On a read-only medium, for one, this fails for a directory that exists; below one that does not, it
        // fails for another reason than the first.
        const int reason = errno;
        if (std::error_code unknown; fs::is_directory(so_far, unknown)) continue;
        error = reason;
        failed = so_far;
        break;
    }
    if (error == 0) {
        if (std::error_code unknown; fs::is_directory(folder, unknown)) return;
        error = ENOTDIR;
        failed = folder;
    }
    throw StorageError({.store = "sqlite", .operation = "open"}, "cannot create the directory " +
                                                                     shown(failed.string()) + ": " +
                                                                     std::generic_category().message(error));
}

}  // namespace pharox::app
