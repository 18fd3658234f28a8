// The embedded default: pools, proxies and leases in one SQLite file, shared by any number of threads and of
// processes on one machine.
#pragma once

#include <filesystem>
#include <memory>

#include "pharox/clock.hpp"
#include "pharox/storage/registry.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace sqlite {

/// What an acknowledged acquire, renew or release survives. Catalog writes survive a power cut either way;
/// what health checks found need not.
enum class Durability : std::uint8_t {
    process,  ///< the death of any process at any moment (synchronous=NORMAL)
    power,    ///< a power cut too, at one fsync an operation (synchronous=FULL)
};

struct Options {
    /// A file, made if absent and readable by its owner alone; ":memory:" for a private database that is gone
    /// with the storage.
    std::filesystem::path path;
    Durability durability = Durability::process;
    /// How long a call may wait for another process's write before it throws a retryable StorageError.
    Duration busy_timeout = std::chrono::seconds(10);
    /// How long a lease that ended is remembered, for repeats of its id. 10 minutes to 10 years.
    Duration retention = std::chrono::hours(1);
    /// How many ended leases are remembered beyond the first 10 minutes.
    std::size_t retained_leases = 100'000;
    /// How long (1 ms to 10 years), and how many for each proxy (1 to 1,000,000), health records are kept.
    Duration health_retention = std::chrono::days(7);
    std::size_t health_records_per_proxy = 1'000;
    /// All processes that share the file must agree on the time.
    std::shared_ptr<const Clock> clock = system_clock();
};

/// Opens or creates the database and brings its schema up to date. Has every capability. Throws
/// ValidationError for wrong options; StorageError where the
/// file cannot be opened, is no database of ours, or has a newer schema than this version knows.
std::shared_ptr<IStorage> make_storage(Options options);

/// `sqlite:relative/path.db`, `sqlite:///absolute/path.db`, `sqlite::memory:`, with the options
/// `?durability=process|power&busy_timeout_ms=…&retention_ms=…&retained_leases=…&health_retention_ms=…&
/// health_records_per_proxy=…`.
void register_sqlite(StorageRegistry& registry);

}  // namespace sqlite
}  // namespace pharox
