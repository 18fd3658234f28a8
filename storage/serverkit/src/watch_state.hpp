// What an availability watch decides, without I/O, locks or a clock.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "pharox/model/time.hpp"
#include "pool_state.hpp"

namespace pharox::serverkit {

struct WatchLimits {
    /// How often a pool is polled although the store notifies, for changes without a notification.
    Duration poll_interval = std::chrono::seconds(1);
    /// Leases may expire in quick succession: a pool is polled at most this often because of it.
    Duration shortest_quiet{10};
    /// How long a pool stays subscribed after its last waiter left, so that consecutive waits subscribe once.
    std::chrono::milliseconds linger{1'000};
    /// The connection is closed when no pool has been watched for this long.
    std::chrono::milliseconds idle_before_closing{30'000};
    std::chrono::milliseconds first_backoff{100};
    std::chrono::milliseconds longest_backoff{10'000};
};

/// Which pools have waiters, which of them the store notifies of, when the next lease of each expires, and
/// when a lost connection is attempted again. Not thread-safe.
class WatchState {
  public:
    explicit WatchState(WatchLimits limits) : limits_(limits) {}

    // ---- For the queue

    /// True: the pool was not watched until now, and is to be subscribed.
    bool watch(const std::string& pool);
    void unwatch(const std::string& pool, SteadyTime now);
    /// A miss reports when the next lease of the pool expires, which causes no notification. Nothing: none.
    void set_next_expiry(const std::string& pool, std::optional<SteadyTime> at);
    /// See IPoolWatch::quiet(). Zero unless the store notifies of this pool. `jitter` in [0, 1).
    [[nodiscard]] Duration quiet(const std::string& pool, SteadyTime now, double jitter) const;

    // ---- For the owner of the connection

    /// The pools to be subscribed. Forgets those whose last waiter left `linger` ago.
    std::set<std::string> wanted(SteadyTime now);
    /// Whether the store notifies of every change of the pool from now on. True: it began to, so the waiters
    /// attempt once more, because a change before this instant may not have been notified.
    bool set_notified(const std::string& pool, bool notified);

    [[nodiscard]] SteadyTime next_attempt() const noexcept { return next_attempt_; }
    /// True: there were failures before.
    bool connected(SteadyTime now) noexcept;
    /// The connection is lost, or could not be made. No pool is notified of any more. True: the first failure
    /// in a row. `jitter` in [0, 1).
    bool disconnected(SteadyTime now, double jitter);
    /// Whether the connection has been without a watched pool for so long that it is closed.
    [[nodiscard]] bool is_idle(SteadyTime now) const noexcept;

  private:
    struct Pool {
        std::optional<SteadyTime> left_at{};      ///< by its last waiter
        std::optional<SteadyTime> next_expiry{};  ///< of its leases, as far as a miss has reported
        bool notified = false;
    };

    WatchLimits limits_;
    std::map<std::string, Pool> pools_;
    SteadyTime next_attempt_{};
    SteadyTime last_wanted_{};
    unsigned failures_ = 0;  // in a row
};

}  // namespace pharox::serverkit
