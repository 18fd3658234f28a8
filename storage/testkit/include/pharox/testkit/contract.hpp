// The conformance suite: what docs/storage-contract.md promises, checked on any adapter under GoogleTest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/clock.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// Which clock the store reads, and whether the suite controls it.
enum class Clock : std::uint8_t {
    injected,  ///< the one in `Setup::clock`: cases set it
    settable,  ///< its server's, which `Properties::set_time` sets for the tests
    own,       ///< the store's or its server's, which no test can set: cases use short leases and wait until
               ///< they have expired; those that need an exact time are not registered
};

/// In which order round_robin, and least_used among equals, pick proxies.
enum class Rotation : std::uint8_t {
    exact,  ///< by the use sequence, then by id
    fair,   ///< in any order that gives N equal proxies k ± 1 of N·k uses each (S-03)
};

/// What a factory is given.
struct Setup {
    std::filesystem::path folder;  ///< empty at first; the same again for a store that is reopened
    std::shared_ptr<const pharox::Clock> clock;  ///< for stores that take one
};

/// The truth about a store. The suite asks for properties, never for names.
struct Properties {
    /// Opens the store. Called with the same folder again, it opens the same data (if `durable`).
    std::function<std::shared_ptr<IStorage>(const Setup&)> make;
    /// What was acknowledged is there when it is opened again.
    bool durable = false;
    /// Several processes may open the same folder at once.
    bool processes = false;
    Clock clock = Clock::own;
    /// With Clock::settable: makes the server's clock of the store that `make` opened with this setup show
    /// `time`, and stand still there until the next call. Later opens of the same folder, in other processes
    /// too, see that time. Called from any thread. A store for which it was never called goes by the real
    /// time: cases that run several processes in real time rely on it.
    std::function<void(const Setup&, Timestamp time)> set_time{};
    Rotation rotation = Rotation::exact;
    /// Registers these cases alone, by name: for a second, shorter run with other properties. Empty: all.
    std::vector<std::string> only{};
    /// Its misses tell nothing_matches from all_busy, unless that would take asking predicates.
    bool tells_misses_apart = false;
    /// For stores without `catalog()`: how the suite puts a pool, and proxies of it, into the store.
    std::function<void(IStorage&, const ProxyPool&)> seed_pool{};
    std::function<void(IStorage&, const Proxy&)> seed_proxy{};
    /// How long, as `make` opens it, the store remembers a lease that ended: at least the 10 minutes that
    /// every store owes. Absent: only those are checked.
    std::optional<Duration> retention{};
    /// How many health records of one proxy the store keeps, as `make` opens it. Absent: not checked.
    std::optional<std::size_t> health_records{};
    /// How many leases that ended the store keeps beyond those 10 minutes, as `make` opens it; a small
    /// number, so that the suite makes more of them. Absent: not checked.
    std::optional<std::size_t> retained_leases{};
    /// How long, as `make` opens it, the store keeps health records. Absent: not checked.
    std::optional<Duration> health_retention{};
    /// Makes the counter of a proxy wrong, behind the store's back, for stores with `maintenance()`. Absent:
    /// whether audit and repair notice is not checked.
    std::function<void(IStorage&, const Setup&, ProxyId, int counter)> break_counter{};
};

/// Registers every case that the properties call for as `Contract/<name>.<case>`; what they do not call for
/// is not registered, so nothing is ever skipped. Opens one store to see which capabilities it has; where
/// that fails, or the properties make no sense, the one case that is registered fails and says why. Throws
/// nothing, so that it can run before main(). Cases fork where `durable` or `processes` is set: leave no
/// threads of your own running.
///
/// PHAROX_SEED replays what is random (the comparison with the model, faults, kills) from the seed that a
/// failure printed; PHAROX_LONG makes it long.
bool register_contract(const std::string& name, Properties properties);

}  // namespace pharox::testkit

/// In a test program of yours, outside any function: PHAROX_STORAGE_CONTRACT(Shelf, {.make = …, .durable =
/// true})
#define PHAROX_STORAGE_CONTRACT(name, ...)                                                      \
    namespace {                                                                                 \
    [[maybe_unused]] const bool pharox_contract_##name =                                        \
        ::pharox::testkit::register_contract(#name, ::pharox::testkit::Properties __VA_ARGS__); \
    }
