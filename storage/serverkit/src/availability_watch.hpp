// Wakes the waiters of a process for proxies that other processes free: by notifications of the store, or by
// polling.
#pragma once

#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "pharox/storage/pool_watch.hpp"
#include "watch_state.hpp"

namespace pharox::serverkit {

/// A connection on which a store notifies, as an adapter implements it. Only the watch's thread calls it.
/// What any of these throws counts as the loss of the connection: disconnect() is called, and connect()
/// later.
class NotificationSource {
  public:
    NotificationSource() = default;
    NotificationSource(const NotificationSource&) = delete;
    NotificationSource& operator=(const NotificationSource&) = delete;
    virtual ~NotificationSource() = default;

    /// False: notifications do not work here at all, as behind a connection pooler. Waiters then poll.
    virtual bool connect() = 0;
    /// Forgets all subscriptions.
    virtual void disconnect() noexcept = 0;
    /// False: the store has no such pool; the watch tries again later.
    virtual bool subscribe(const std::string& pool) = 0;
    virtual void unsubscribe(const std::string& pool) = 0;
    /// Renews what has to be renewed. Returns when it has to be called again, at the latest.
    virtual SteadyTime maintain(SteadyTime now) = 0;
    /// Whether every change of the subscribed pool from now on is notified. After a gap in the notifications
    /// it has to be false once, between two calls of maintain(): the waiters then attempt again.
    [[nodiscard]] virtual bool is_notified(const std::string& pool) const = 0;
    /// The pools that were notified of since the last call. Does not wait.
    virtual std::set<std::string> take_notifications() = 0;
    /// Readable if a notification may have arrived, or the connection ended.
    [[nodiscard]] virtual int socket() const noexcept = 0;
};

/// A thread that starts with the first waiter and owns the source's connection. Thread-safe.
class AvailabilityWatch final : public IPoolWatch {
  public:
    struct Callbacks {
        /// Called by the thread, without a lock held; an empty name means every pool.
        std::function<void(std::string_view pool)> on_available;
        /// Receives the loss and the return of notifications. May be called by the thread.
        std::function<void(std::string_view message)> warn;
    };

    /// Throws Error if the process has no file descriptors left.
    AvailabilityWatch(WatchLimits limits, NotificationSource& source, Callbacks callbacks);
    AvailabilityWatch(const AvailabilityWatch&) = delete;
    AvailabilityWatch& operator=(const AvailabilityWatch&) = delete;
    ~AvailabilityWatch() override;

    void watch(const std::string& pool) noexcept override;
    void unwatch(const std::string& pool) noexcept override;
    Duration quiet(const std::string& pool) noexcept override;

    /// A miss reports in how much time the next lease of the pool expires; nothing: none is known. Any
    /// thread.
    void next_expiry_is_in(const std::string& pool, std::optional<Duration> time) noexcept;

  private:
    void run();
    /// Does all there is to do, and returns when there is more.
    SteadyTime step();
    void disconnected(const std::string& why);
    void subscribe_to(const std::set<std::string>& pools);
    void wait(SteadyTime until);
    void interrupt() const noexcept;

    const WatchLimits limits_;
    NotificationSource& source_;
    const Callbacks callbacks_;
    const int wake_up_;  // an eventfd

    std::mutex mutex_;
    WatchState state_;
    bool stopping_ = false;
    std::minstd_rand random_{std::random_device{}()};
    std::thread thread_;

    // Of the thread.
    bool connected_ = false;
    bool unsupported_ = false;
    std::set<std::string> subscribed_;
};

}  // namespace pharox::serverkit
