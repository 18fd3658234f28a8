// The SQLite adapter: pools, proxies and leases in one file, shared by any number of threads and processes on
// one machine.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "pharox/clock.hpp"
#include "pharox/storage/registry.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace sqlite {

/// What an acknowledged acquire, renew or release survives. Catalog writes always survive a power cut;
/// results of health checks may be lost.
enum class Durability : std::uint8_t {
    process,  ///< the death of any process at any moment (synchronous=NORMAL)
    power,    ///< also a power cut, at the cost of one fsync per operation (synchronous=FULL)
};

struct Options {
    /// A file, created if absent and readable only by its owner; ":memory:" for a private database that
    /// exists as long as the storage.
    std::filesystem::path path;
    Durability durability = Durability::process;
    /// How long a call may wait for another process's write; then it throws a retryable StorageError.
    Duration busy_timeout = std::chrono::seconds(10);
    /// How long an ended lease is kept, to recognise a repeated id. At least 10 minutes.
    Duration retention = std::chrono::hours(1);
    /// How many ended leases are kept after their first 10 minutes.
    std::size_t retained_leases = 100'000;
    /// How long (1 ms to 10 years), and how many for each proxy (1 to 1,000,000), health records are kept.
    Duration health_retention = std::chrono::days(7);
    std::size_t health_records_per_proxy = 1'000;
    /// With the system's clock, a process whose clock is wrong does not change the store's time: see ADR
    /// 0016. With another one, all storages that share the file must agree on the time.
    std::shared_ptr<const Clock> clock = system_clock();
    /// Called when the system's clock begins to differ from the store's time by more than 2 s: with what this
    /// process's clock shows, and the store's time. In any thread that writes, after its transaction; must
    /// not throw.
    std::function<void(Timestamp own, Timestamp store)> on_clock_disagreement{};
};

/// Opens or creates the database and migrates its schema. Has every capability. Throws ValidationError for
/// invalid options; StorageError if the file cannot be opened, belongs to another program, or has a newer
/// schema than this version supports.
std::shared_ptr<IStorage> make_storage(Options options);

/// `sqlite:relative/path.db`, `sqlite:///absolute/path.db`, `sqlite::memory:`, with the options
/// `?durability=process|power&busy_timeout_ms=…&retention_ms=…&retained_leases=…&health_retention_ms=…&
/// health_records_per_proxy=…`.
void register_sqlite(StorageRegistry& registry);

}  // namespace sqlite
}  // namespace pharox
