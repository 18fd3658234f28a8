// What other processes free, as the server tells it to those who wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "database.hpp"
#include "pharox/storage/pool_watch.hpp"

namespace pharox::postgres {

/// A thread with a connection of its own, once somebody waits. For each pool that is waited for it listens on
/// a channel, and only then registers: whoever frees something notifies where there is a registration
/// (PHAROX_TELL). A transaction that began before the registration was committed may not have seen it;
/// quiet() is zero, so that the queue goes on looking, until all of those have ended. It is zero, too, while
/// the connection is away, and always behind a pooler. docs/adr/0009-notify-only-pools-with-waiters.md
class Listener final : public IPoolWatch {
  public:
    /// `on_available` is called by the thread, with nothing locked; without a name it means every pool.
    Listener(Database& database, std::function<void(std::string_view pool)> on_available);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() override;

    void watch(const std::string& pool) noexcept override;
    void unwatch(const std::string& pool) noexcept override;
    Duration quiet(const std::string& pool) noexcept override;

    /// A miss has seen it: when the next lease of the pool expires, of which nobody tells. Any thread.
    void next_expiry_is_in(const std::string& pool, std::optional<Duration> time) noexcept;

  private:
    struct Registration {
        PoolId id{};
        SteadyTime renew_at{};
        std::set<std::string> older{};  ///< transactions that may not have seen it
        SteadyTime settled_by{};        ///< no transaction of ours takes longer
        std::chrono::milliseconds pause{};
        SteadyTime look_at{};
    };

    void run();
    /// One look at everything; when the next is due.
    SteadyTime step();
    void connect();
    void disconnect(const std::string& why);
    [[nodiscard]] std::set<std::string> wanted();
    void enter(const std::string& pool);
    /// Wakes the waiters of the pools that the server has notified of.
    void pass_on_notifications();
    void renew(Registration& registration);
    void settle(Registration& registration);
    void leave(const Registration& registration);
    /// Whether quiet() may be relied on; the queue's next look makes it true.
    void judge();
    void wait(SteadyTime until);
    void interrupt() const noexcept;
    Rows execute(std::string_view sql, const Parameters& parameters);

    Database& database_;
    const std::function<void(std::string_view pool)> on_available_;
    const int wake_up_;  // an eventfd

    std::mutex mutex_;
    bool stopping_ = false;
    std::map<std::string, std::optional<SteadyTime>> pools_;  // since when nobody waits for it
    std::thread thread_;
    std::atomic<bool> all_told_{false};
    std::map<std::string, SteadyTime> next_expiries_;  // of pools that are waited for
    std::minstd_rand jitter_{std::random_device{}()};  // of the queue's thread

    // Of the thread.
    std::unique_ptr<Connection> connection_;
    std::map<std::string, Registration> registrations_;
    bool pooled_ = false;
    unsigned failures_ = 0;  // in a row
    SteadyTime next_try_{};
    SteadyTime idle_since_{};
};

}  // namespace pharox::postgres
