// A bounded number of connections, lent to one caller at a time.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "connection.hpp"
#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

/// Callers are served in the order in which they came. While the server cannot be reached, one caller at a
/// time tries, at growing intervals with jitter; the others wait for what becomes of it. Thread-safe.
class ConnectionPool {
  public:
    ConnectionPool(const Options& options, std::int64_t store);

    /// What its connections are made with.
    [[nodiscard]] const Connection::Settings& settings() const noexcept { return settings_; }

    class Loan {
      public:
        Loan(ConnectionPool& pool, std::unique_ptr<Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Loan(Loan&&) = default;
        Loan& operator=(Loan&&) = delete;
        ~Loan() {
            if (pool_ != nullptr && connection_) pool_->give_back(std::move(connection_));
        }
        Connection& operator*() noexcept { return *connection_; }
        Connection* operator->() noexcept { return connection_.get(); }
        /// It is not to be used again.
        void discard() noexcept {
            if (pool_ == nullptr) return;
            connection_.reset();
            pool_->forget();
            pool_ = nullptr;
        }

      private:
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
    };

    /// Waits for a free connection until `deadline`. Throws ConnectionLost (nothing sent) where there is
    /// none, or none can be made.
    Loan borrow(SteadyTime deadline);

  private:
    friend class Loan;
    void give_back(std::unique_ptr<Connection> connection) noexcept;
    void forget() noexcept;
    std::unique_ptr<Connection> connect(std::unique_lock<std::mutex>& lock, SteadyTime deadline);
    [[nodiscard]] bool may_connect(SteadyTime now) const;

    Connection::Settings settings_;
    const std::size_t most_;
    const std::chrono::milliseconds longest_backoff_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::deque<const void*> queue_;  // who waits, in order
    std::size_t open_ = 0;           // lent, idle, or being made
    bool connecting_ = false;
    unsigned failures_ = 0;  // in a row
    SteadyTime next_try_{};
    std::string why_;
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace pharox::postgres
