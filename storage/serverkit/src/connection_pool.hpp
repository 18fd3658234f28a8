// A bounded number of connections, lent to one caller at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "connection_lost.hpp"
#include "pool_state.hpp"

namespace pharox::serverkit {

/// The I/O around a PoolState. `Connection` has `bool is_alive() noexcept`, called before a connection is
/// lent, and `bool is_reusable() noexcept`, called when it is returned. Thread-safe.
template <class Connection>
class ConnectionPool {
  public:
    /// Opens a connection until the deadline. Throws ConnectionLost.
    using Connect = std::function<std::unique_ptr<Connection>(SteadyTime deadline)>;

    ConnectionPool(PoolLimits limits, Connect connect) : connect_(std::move(connect)), state_(limits) {
        idle_.reserve(limits.connections);
    }
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;
    ~ConnectionPool() = default;

    class Loan {
      public:
        Loan(ConnectionPool& pool, std::unique_ptr<Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Loan(Loan&&) = default;
        Loan& operator=(Loan&&) = delete;
        ~Loan() {
            if (connection_) pool_->take_back(std::move(connection_));
        }
        Connection& operator*() noexcept { return *connection_; }
        Connection* operator->() noexcept { return connection_.get(); }
        /// Closes the connection: it is broken.
        void discard() noexcept {
            if (!connection_) return;
            connection_.reset();
            pool_->closed();
        }

      private:
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
    };

    /// Throws ConnectionLost (nothing sent) if there is no connection by `deadline`, or none can be opened.
    Loan borrow(SteadyTime deadline) {
        Waiter me;
        std::unique_lock lock(mutex_);
        state_.request(me, now());
        for (;;) {
            await_grant(me, lock, deadline);
            wake(state_.next(now()));
            std::unique_ptr<Connection> connection;
            if (me.grant == PoolState::Grant::idle) {
                connection = std::move(idle_.back());
                idle_.pop_back();
                lock.unlock();
                if (connection->is_alive()) return {*this, std::move(connection)};
                connection.reset();
                lock.lock();
                state_.idle_was_broken(me, now());
            } else {
                connection = open(lock, deadline);
                if (connection) return {*this, std::move(connection)};
                state_.request_again(me, now());
            }
        }
    }

  private:
    struct Waiter : PoolState::Waiter {
        std::condition_variable changed;
    };

    static SteadyTime now() { return std::chrono::steady_clock::now(); }
    static void wake(PoolState::Waiter* waiter) {
        if (waiter != nullptr) static_cast<Waiter*>(waiter)->changed.notify_one();
    }

    void await_grant(Waiter& me, std::unique_lock<std::mutex>& lock, SteadyTime deadline) {
        while (me.grant == PoolState::Grant::none) {
            if (now() >= deadline) {
                wake(state_.leave(me, now()));
                throw ConnectionLost(state_.failing() ? why_ : "all connections are in use");
            }
            me.changed.wait_until(lock, state_.wait_until(me, deadline));
            state_.poll(me, now());
        }
    }

    /// None if it failed and other connections are open: one of those is then waited for.
    std::unique_ptr<Connection> open(std::unique_lock<std::mutex>& lock, SteadyTime deadline) {
        lock.unlock();
        std::unique_ptr<Connection> connection;
        ConnectionLost failure;
        std::exception_ptr other;
        try {
            connection = connect_(deadline);
        } catch (const ConnectionLost& error) {
            failure = error;
        } catch (...) {
            other = std::current_exception();
        }
        lock.lock();
        if (connection) {
            wake(state_.connected(now()));
            return connection;
        }
        if (!other) why_ = failure.message;
        wake(state_.connect_failed(now(), std::generate_canonical<double, 32>(random_)));
        if (other) std::rethrow_exception(other);
        if (failure.permanent || state_.open() == 0) throw ConnectionLost(failure);
        return nullptr;
    }

    void take_back(std::unique_ptr<Connection> connection) noexcept {
        if (!connection->is_reusable()) {
            connection.reset();
            return closed();
        }
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(connection));  // reserved
        wake(state_.returned(now()));
    }
    void closed() noexcept {
        const std::lock_guard lock(mutex_);
        wake(state_.discarded(now()));
    }

    const Connect connect_;
    std::mutex mutex_;
    PoolState state_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::string why_;  // connecting failed last
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace pharox::serverkit
