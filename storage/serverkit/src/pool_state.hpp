// The decisions of a connection pool, without I/O, locks or a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace pharox::serverkit {

using SteadyTime = std::chrono::steady_clock::time_point;

struct PoolLimits {
    std::size_t connections = 1;  ///< open at the same time
    std::chrono::milliseconds first_backoff{20};
    std::chrono::milliseconds longest_backoff{2'000};
};

/// Callers are served first come, first served. An event grants at most one waiter a connection or the right
/// to open one, and names that waiter: no other needs to wake up. A granted waiter calls next(), as there may
/// be capacity for another one. While the server cannot be reached, one caller at a time tries to connect, at
/// growing intervals; idle connections are still lent. Not thread-safe.
class PoolState {
  public:
    enum class Grant : std::uint8_t {
        none,     ///< wait, until wait_until()
        idle,     ///< take an idle connection
        connect,  ///< open a connection, and report connected() or connect_failed()
    };
    /// A caller that requests a connection; owned by the caller, in the queue until it is granted one or
    /// leaves.
    struct Waiter {
        Grant grant = Grant::none;
    };

    explicit PoolState(PoolLimits limits) : limits_(limits) {}

    /// A new caller. It is queued unless it is granted something.
    Grant request(Waiter& waiter, SteadyTime now);
    /// Again, at the head of the queue: it could not open a connection.
    Grant request_again(Waiter& waiter, SteadyTime now);
    /// Again, with the first use of the capacity: the idle connection that it was granted is broken.
    Grant idle_was_broken(Waiter& waiter, SteadyTime now);
    /// A queued caller's timer fired.
    Grant poll(Waiter& waiter, SteadyTime now);
    /// When a queued caller has to poll, if nothing wakes it before.
    [[nodiscard]] SteadyTime wait_until(const Waiter& waiter, SteadyTime deadline) const;

    // Each event returns the waiter to wake, if any.

    Waiter* returned(SteadyTime now);   ///< a lent connection is idle again
    Waiter* discarded(SteadyTime now);  ///< a lent connection was closed
    Waiter* connected(SteadyTime now);
    /// `jitter` in [0, 1).
    Waiter* connect_failed(SteadyTime now, double jitter);
    /// A queued caller gives up.
    Waiter* leave(Waiter& waiter, SteadyTime now);
    Waiter* next(SteadyTime now);

    [[nodiscard]] std::size_t open() const noexcept { return open_; }
    [[nodiscard]] std::size_t idle() const noexcept { return idle_; }
    [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
    /// The last attempt to connect failed.
    [[nodiscard]] bool failing() const noexcept { return failures_ > 0; }

  private:
    Grant grant(SteadyTime now);
    Waiter* next_or_head(SteadyTime now);

    PoolLimits limits_;
    std::deque<Waiter*> queue_;
    std::size_t open_ = 0;  // lent, idle, or being opened
    std::size_t idle_ = 0;
    std::size_t connecting_ = 0;
    unsigned failures_ = 0;  // in a row
    SteadyTime next_try_{};
};

}  // namespace pharox::serverkit
