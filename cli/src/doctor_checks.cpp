#include "doctor_checks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include "acquire_rate.hpp"
#include "output.hpp"
#include "pharox/app/configuration.hpp"
#include "pharox/app/storages.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t little_space = 256ULL * 1024 * 1024;
constexpr std::uintmax_t no_space = 8ULL * 1024 * 1024;
constexpr std::chrono::seconds tolerated_clock_difference{2};

/// File systems whose locks and shared memory do not hold between machines (statfs(2); the numbers are those
/// of linux/magic.h and of the file systems' own headers).
std::string_view network_file_system(long type) {
    constexpr std::array<std::pair<unsigned long, std::string_view>, 9> known{{{0x6969, "NFS"},
                                                                               {0x517B, "SMB"},
                                                                               {0xFE534D42, "SMB"},
                                                                               {0xFF534D42, "CIFS"},
                                                                               {0x01021997, "9P"},
                                                                               {0x00C36400, "Ceph"},
                                                                               {0x5346414F, "AFS"},
                                                                               {0x0BD00BD0, "Lustre"},
                                                                               {0x47504653, "GPFS"}}};
    const auto number = static_cast<unsigned long>(type) & 0xFFFFFFFFUL;
    const auto* const found =
        std::ranges::find(known, number, &std::pair<unsigned long, std::string_view>::first);
    return found == known.end() ? std::string_view() : found->second;
}

constexpr unsigned long fuse_type = 0x65735546;

std::string mebibytes(std::uintmax_t bytes) {
    return with_thousands(static_cast<std::int64_t>(bytes / (1024 * 1024))) + " MiB";
}

/// What is wrong with a file that contains passwords; empty if nothing is.
std::string exposure_of(const fs::path& file) {
    struct stat about{};
    if (::stat(file.c_str(), &about) != 0 || (about.st_mode & 077U) == 0) return {};
    return file.string() + " can be accessed by other users: chmod 600";
}

Check permissions_of_store(const fs::path& file) {
    Check check{.name = "permissions"};
    const fs::path folder = fs::absolute(file).parent_path();
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
        check.status = CheckStatus::failed;
        check.detail = folder.string() + " is not writable: SQLite keeps its log there";
        return check;
    }
    if (::faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
        check.status = CheckStatus::failed;
        check.detail = file.string() + ": " + std::generic_category().message(errno);
        return check;
    }
    for (const char* suffix : {"", "-wal", "-shm"}) {
        if (const std::string exposed = exposure_of(file.string() + suffix); !exposed.empty()) {
            check.status = CheckStatus::warning;
            check.detail += (check.detail.empty() ? "" : "; ") + exposed;
        }
    }
    if (check.detail.empty()) check.detail = "only the owner can access " + file.string();
    return check;
}

Check file_system_of(const fs::path& folder) {
    Check check{.name = "file_system"};
    struct statfs about{};
    if (::statfs(folder.c_str(), &about) != 0) {
        check.status = CheckStatus::failed;
        check.detail = folder.string() + ": " + std::generic_category().message(errno);
        return check;
    }
    const std::string_view network = network_file_system(static_cast<long>(about.f_type));
    const bool fuse = (static_cast<unsigned long>(about.f_type) & 0xFFFFFFFFUL) == fuse_type;
    check.detail = "local";
    if (!network.empty() || fuse) {
        check.status = CheckStatus::warning;
        check.detail = network.empty() ? "FUSE: it may be on a network" : std::string(network);
        check.detail +=
            "; SQLite's log needs the shared memory of one machine: use a local file, or PostgreSQL";
    }
    return check;
}

Check disk_space_of(const fs::path& folder) {
    Check check{.name = "disk_space"};
    struct statvfs about{};
    if (::statvfs(folder.c_str(), &about) != 0) {
        check.status = CheckStatus::failed;
        check.detail = folder.string() + ": " + std::generic_category().message(errno);
        return check;
    }
    const std::uintmax_t free = std::uintmax_t{about.f_bavail} * about.f_frsize;
    check.detail = mebibytes(free) + " free in " + folder.string();
    if (free < little_space) check.status = free < no_space ? CheckStatus::failed : CheckStatus::warning;
    return check;
}

Check schema_of(const std::string& url) {
    Check check{.name = "schema"};
    const app::SchemaVersions versions = app::schema_versions(url);
    check.detail = "version " + std::to_string(versions.stored);
    if (versions.stored < versions.known) {
        check.status = CheckStatus::warning;
        check.detail += ", this pharox needs " + std::to_string(versions.known) +
                        (app::storage_file(url) ? ": the next command migrates it" : ": run pharox migrate");
    }
    return check;
}

Check store_of(Session& session) {
    const auto begin = std::chrono::steady_clock::now();
    require_maintenance(session.storage()).ping();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    return {.name = "store",
            .detail = "opened, and accepts writes (" + std::to_string(took.count()) + " ms)"};
}

/// Compares this machine's clock with the store's, and with those of the processes that generated lease ids.
Check clock_of(Session& session) {
    Check check{.name = "clock"};
    const std::vector<ProxyPool> pools = session.pools();
    if (!pools.empty()) {
        const Timestamp before = current_time();
        const auto stats = session.storage().get_pool_stats({.pool = pools.front().name});
        const Timestamp after = current_time();
        if (stats && (stats->collected_at < before - tolerated_clock_difference ||
                      stats->collected_at > after + tolerated_clock_difference)) {
            check.status = CheckStatus::warning;
            check.detail = "the store's time is " + short_time(stats->collected_at) + ", this machine's " +
                           short_time(after) + ": set one of the clocks";
            return check;
        }
    }
    check.detail = "agrees with the store's";
    ILeaseControl* const leases = session.storage().lease_control();
    if (leases == nullptr) return check;
    const Timestamp future = current_time() + tolerated_clock_difference;
    const Page<Lease> page = leases->list_leases({.after = first_id_of(future).to_string(), .limit = 1});
    if (!page.items.empty() && page.items.front().acquired_at > future) {
        check.status = CheckStatus::warning;
        check.detail = "lease " + page.items.front().id.to_string() + " began at " +
                       short_time(page.items.front().acquired_at) + ", this machine's time is " +
                       short_time(current_time()) + ": the clock of a process was wrong";
    }
    return check;
}

class Checks {
  public:
    /// Runs the check; an exception is its failure.
    bool add(const char* name, const std::function<Check()>& run) {
        try {
            checks.push_back(run());
        } catch (const std::exception& error) {
            checks.push_back({.name = name,
                              .status = CheckStatus::failed,
                              .detail = without_quoted_passwords(error.what())});
        }
        return checks.back().status != CheckStatus::failed;
    }
    void skip(std::initializer_list<const char*> names, const char* why) {
        for (const char* name : names)
            checks.push_back({.name = name, .status = CheckStatus::skipped, .detail = why});
    }

    std::vector<Check> checks{};
};

/// The checks of an SQLite file; returns whether the store can be opened without creating or migrating it.
bool check_file(Checks& checks, const fs::path& file, const std::string& url) {
    fs::path folder = fs::absolute(file).parent_path();
    std::error_code unknown;
    const bool exists = fs::exists(file, unknown);
    while (!fs::exists(folder, unknown) && folder.has_relative_path()) folder = folder.parent_path();
    checks.add("file_system", [&] { return file_system_of(folder); });
    checks.add("disk_space", [&] { return disk_space_of(folder); });
    if (!exists) {
        checks.skip({"permissions", "schema", "store", "clock"}, "the store does not exist yet");
        return false;
    }
    const bool accessible = checks.add("permissions", [&] { return permissions_of_store(file); });
    if (!accessible) {
        checks.skip({"schema", "store", "clock"}, "the file is not accessible");
        return false;
    }
    checks.add("schema", [&] { return schema_of(url); });
    if (checks.checks.back().status == CheckStatus::ok) return true;
    const bool read = checks.checks.back().status == CheckStatus::warning;
    checks.skip({"store", "clock"},
                read ? "the schema is not that of this pharox" : "the schema could not be read");
    return false;
}

}  // namespace

std::string_view to_string(CheckStatus status) noexcept {
    switch (status) {
        case CheckStatus::ok:
            return "ok";
        case CheckStatus::warning:
            return "warning";
        case CheckStatus::failed:
            return "failed";
        case CheckStatus::skipped:
            break;
    }
    return "skipped";
}

std::vector<Check> run_checks(Session& session) {
    Checks checks;
    app::Configuration configuration;
    std::optional<fs::path> file;
    const bool configured = checks.add("configuration", [&] {
        configuration = app::load_configuration(session.storage_flag);
        file = app::storage_file(configuration.storage);
        Check check{.name = "configuration",
                    .detail = StorageUrl::parse(configuration.storage).scheme + " storage, from " +
                              (configuration.origin == "default" ? "the default" : configuration.origin)};
        const bool with_password = !file && configuration.storage.find('@') != std::string::npos;
        if (const std::string exposed = exposure_of(configuration.origin);
            with_password && !exposed.empty()) {
            check.status = CheckStatus::warning;
            check.detail += "; " + exposed;
        }
        return check;
    });
    bool usable = false;
    if (!configured) {
        checks.skip({"schema", "store", "clock"}, "there is no usable configuration");
    } else if (file) {
        usable = check_file(checks, *file, configuration.storage);
    } else if (checks.add("schema", [&] { return schema_of(configuration.storage); }) &&
               checks.checks.back().status == CheckStatus::ok) {
        usable = true;
    } else {
        const bool reached = checks.checks.back().status == CheckStatus::warning;
        checks.skip({"store", "clock"},
                    reached ? "the schema is not that of this pharox" : "the schema could not be read");
    }
    if (usable) {
        if (checks.add("store", [&] { return store_of(session); })) {
            checks.add("clock", [&] { return clock_of(session); });
        } else {
            checks.skip({"clock"}, "the store failed");
        }
    }
    return std::move(checks.checks);
}

}  // namespace pharox::cli
