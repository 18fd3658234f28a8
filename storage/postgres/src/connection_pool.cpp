#include "connection_pool.hpp"

#include <algorithm>

namespace pharox::postgres {

namespace {

constexpr std::chrono::milliseconds first_backoff(20);
constexpr std::chrono::milliseconds longest_backoff(2'000);

ConnectionLost none(const std::string& why, bool permanent = false) {
    ConnectionLost error;
    error.message = why;
    error.permanent = permanent;
    return error;
}

}  // namespace

ConnectionPool::ConnectionPool(const Options& options, std::int64_t store)
    : settings_{.connection = options.connection,
                .connect_timeout = options.connect_timeout,
                .statement_timeout = options.statement_timeout,
                .detect_poolers = options.prepared == Prepared::detect,
                .prepare = options.prepared != Prepared::never,
                .store = store},
      most_(options.max_connections),
      // Whoever waits as long as a call may, sees at least one try.
      longest_backoff_(std::clamp(options.connection_wait / 2, first_backoff, longest_backoff)) {}

bool ConnectionPool::may_connect(SteadyTime now) const {
    if (open_ >= most_) return false;
    // A server that answers may be asked for several connections at once; one that does not, for one.
    return failures_ == 0 || (!connecting_ && now >= next_try_);
}

ConnectionPool::Loan ConnectionPool::borrow(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    // With nobody to wait for, the look at the connection holds up nobody.
    while (queue_.empty() && !idle_.empty()) {
        std::unique_ptr<Connection> connection = std::move(idle_.back());
        idle_.pop_back();
        lock.unlock();
        if (connection->is_alive()) return {*this, std::move(connection)};
        connection.reset();
        forget();
        lock.lock();
    }
    const void* const me = &deadline;
    queue_.push_back(me);
    struct Leave {
        ConnectionPool& pool;
        const void* me;
        ~Leave() {
            std::erase(pool.queue_, me);
            pool.changed_.notify_all();
        }
    } const leave{.pool = *this, .me = me};
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        if (queue_.front() == me) {
            while (!idle_.empty()) {
                std::unique_ptr<Connection> connection = std::move(idle_.back());
                idle_.pop_back();
                if (connection->is_alive()) return {*this, std::move(connection)};
                --open_;
            }
            if (may_connect(now)) {
                try {
                    return {*this, connect(lock, deadline)};
                } catch (const ConnectionLost& error) {
                    // Those that there are will do.
                    if (error.permanent || open_ == 0) throw;
                    queue_.push_front(me);
                    continue;
                }
            }
        }
        if (now >= deadline) {
            throw none(failures_ > 0 ? why_ : "all connections are in use");
        }
        changed_.wait_until(lock,
                            failures_ > 0 && !connecting_
                                ? std::min(deadline, std::max(next_try_, now + std::chrono::milliseconds(1)))
                                : deadline);
    }
}

std::unique_ptr<Connection> ConnectionPool::connect(std::unique_lock<std::mutex>& lock, SteadyTime deadline) {
    ++open_;
    connecting_ = true;
    // Whoever comes next need not wait for us: what is given back meanwhile is theirs.
    queue_.pop_front();
    changed_.notify_all();
    Connection::Settings settings = settings_;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    settings.connect_timeout = std::clamp(left, std::chrono::milliseconds(1), settings.connect_timeout);
    lock.unlock();
    std::unique_ptr<Connection> made;
    std::string why;
    bool permanent = false;
    try {
        made = std::make_unique<Connection>(settings);
    } catch (const ConnectionLost& error) {
        why = error.message.empty() ? "cannot connect" : error.message;
        permanent = error.permanent;
    } catch (const ServerError& error) {
        why = error.message;
    } catch (...) {
        lock.lock();
        --open_;
        connecting_ = false;
        throw;
    }
    lock.lock();
    connecting_ = false;
    if (made) {
        failures_ = 0;
        return made;
    }
    --open_;
    why_ = why;
    const auto step = std::min(longest_backoff_, first_backoff * (1 << std::min(failures_, 10U)));
    ++failures_;
    const auto jitter = std::chrono::milliseconds(random_() % static_cast<unsigned>(step.count()) / 2);
    next_try_ = std::chrono::steady_clock::now() + step / 2 + jitter;
    throw none(why, permanent);
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) noexcept {
    connection->hurry();
    if (connection->in_transaction()) {
        connection.reset();
        return forget();
    }
    try {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(connection));
        if (queue_.empty()) return;
    } catch (...) {
        return forget();
    }
    changed_.notify_all();
}

void ConnectionPool::forget() noexcept {
    {
        const std::lock_guard lock(mutex_);
        --open_;
    }
    changed_.notify_all();
}

}  // namespace pharox::postgres
