// Bringing the content of a database of the Python package `pharox` into a storage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/adopt/source.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::adopt {

struct Options {
    std::vector<std::string> pools{};             ///< only these; empty: all
    std::int64_t health_records_per_proxy = 100;  ///< the newest; 0: none
    bool dry_run = false;                         ///< reports, and changes nothing
};

struct Count {
    std::int64_t found = 0;
    std::int64_t adopted = 0;
};

enum class Outcome : std::uint8_t {
    left_out,
    changed,  ///< adopted without, or with another, value
    merged,   ///< the pool contains the same proxy already; leases and records go to that one
};
std::string_view to_string(Outcome outcome) noexcept;

/// What did not come over as it was. Shows no password.
struct Note {
    std::string kind;  ///< pool, consumer, proxy or lease
    std::string id;
    Outcome outcome = Outcome::left_out;
    std::string reason;
};

struct Report {
    std::string versions;
    Count pools{}, consumers{}, proxies{}, leases{}, health_records{};
    std::int64_t ended_leases = 0;  ///< not adopted
    std::vector<Note> notes{};
};

/// Adopts all of it or nothing: until the end the pools are marked, and no other process can lease their
/// proxies. A failure takes back what was added; the next call takes back what a killed one left. Ids stay.
/// Throws ConflictError for a pool that exists already, PoolNotFoundError for one of `options.pools` that
/// does not exist in the source, UnsupportedError, StorageError.
Report adopt(ISource& source, IStorage& storage, const Options& options);

}  // namespace pharox::adopt
