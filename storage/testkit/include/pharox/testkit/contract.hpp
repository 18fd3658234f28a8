// The conformance suite: checks under GoogleTest that an adapter keeps the rules of docs/storage-contract.md.
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

/// The clock by which the store's leases expire.
enum class Clock : std::uint8_t {
    injected,  ///< the store reads `Setup::clock`, which the cases set
    settable,  ///< the store reads its server's clock, which the cases set by `Properties::set_time`
    own,  ///< the cases cannot set the clock: they use short leases and wait until these have expired, and
          ///< cases that need an exact time are not registered
};

/// The order in which round_robin picks proxies, and least_used those with equally many leases.
enum class Rotation : std::uint8_t {
    exact,  ///< by the use sequence, then by id
    fair,   ///< any order that gives each of N equal proxies k - 1 to k + 1 of N·k uses (rule S-03)
};

/// The arguments of Properties::make.
struct Setup {
    /// A directory for the data. It is empty when a case opens its store for the first time; when the case
    /// reopens the store, it is the same directory.
    std::filesystem::path folder;
    /// The time of the case; for Clock::injected.
    std::shared_ptr<const pharox::Clock> clock;
};

/// Describes the store. The suite decides by these properties alone which cases apply to it.
struct Properties {
    /// Opens the store. If `durable`, a second call with the same folder opens the same data.
    std::function<std::shared_ptr<IStorage>(const Setup&)> make;
    /// Changes that the store has acknowledged are present after it is closed and opened again.
    bool durable = false;
    /// Several processes may open the same folder at the same time.
    bool processes = false;
    Clock clock = Clock::own;
    /// For Clock::settable: sets the clock of the store that `make` opened with this setup to `time` and
    /// stops it there; the next call moves it on. Every process that opens the folder from then on reads that
    /// time. Called from any thread. Until the first call the store must read the real time.
    std::function<void(const Setup&, Timestamp time)> set_time{};
    /// Whether the store promises replays: it answers a repeated lease id with the lease that it made for
    /// this id (rules I-02 to I-06). The contract requires it. False: cases that repeat an id are not
    /// registered, among them those with lost answers; for an adapter that is not complete.
    bool replays = true;
    Rotation rotation = Rotation::exact;
    /// The names of the only cases to register, for a second, shorter run with other properties. Empty: all.
    std::vector<std::string> only{};
    /// A miss says nothing_matches or all_busy where the contract allows none_available too. (If the filter
    /// has a predicate, none_available is always allowed.)
    bool tells_misses_apart = false;
    /// For stores without `catalog()`: insert a pool, and a proxy of an inserted pool.
    std::function<void(IStorage&, const ProxyPool&)> seed_pool{};
    std::function<void(IStorage&, const Proxy&)> seed_proxy{};

    // The following are the values with which `make` opens the store.

    /// How long ended leases are kept. Absent: the suite checks only that they are kept for the 10 minutes
    /// that the contract requires.
    std::optional<Duration> retention{};
    /// How many health records of a proxy are kept. Absent: not checked.
    std::optional<std::size_t> health_records{};
    /// How many ended leases are kept after those 10 minutes. The suite makes more leases than that, so use a
    /// small number. Absent: not checked.
    std::optional<std::size_t> retained_leases{};
    /// How long health records are kept. Absent: not checked.
    std::optional<Duration> health_retention{};
    /// For stores with `maintenance()`: sets the stored lease count of a proxy to `counter` without using the
    /// storage's interface. Absent: the suite does not check whether audit and repair detect a wrong count.
    std::function<void(IStorage&, const Setup&, ProxyId, int counter)> break_counter{};
};

/// Registers each case that applies to these properties as the test `Contract/<name>.<case>`. Other cases are
/// not registered, so no test is skipped. Calls `make` once, to see which capabilities the store has. If that
/// fails, or if the properties contradict each other, it registers one test that fails with the reason.
/// Throws nothing; may be called before main(). If `durable` or `processes` is set, cases fork the process,
/// so no other threads may run then.
///
/// A test with random input prints its seed when it fails. The environment variable PHAROX_SEED repeats the
/// test with this seed; PHAROX_LONG=1 makes such tests longer.
bool register_contract(const std::string& name, Properties properties);

}  // namespace pharox::testkit

/// Calls register_contract before main(). In a test program, outside any function:
/// `PHAROX_STORAGE_CONTRACT(Shelf, {.make = …, .durable = true})`.
#define PHAROX_STORAGE_CONTRACT(name, ...)                                                      \
    namespace {                                                                                 \
    [[maybe_unused]] const bool pharox_contract_##name =                                        \
        ::pharox::testkit::register_contract(#name, ::pharox::testkit::Properties __VA_ARGS__); \
    }
