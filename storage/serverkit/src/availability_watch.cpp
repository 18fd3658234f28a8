#include "availability_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "pharox/errors.hpp"
#include "pharox/model/lease.hpp"

namespace pharox::serverkit {

namespace {

using Steady = std::chrono::steady_clock;

double fraction(std::minstd_rand& random) { return std::generate_canonical<double, 32>(random); }

}  // namespace

AvailabilityWatch::AvailabilityWatch(WatchLimits limits, NotificationSource& source, Callbacks callbacks)
    : limits_(limits),
      source_(source),
      callbacks_(std::move(callbacks)),
      wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      state_(limits) {
    if (wake_up_ < 0) throw Error("eventfd: " + std::generic_category().message(errno));
}

AvailabilityWatch::~AvailabilityWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    interrupt();
    if (thread_.joinable()) thread_.join();
    ::close(wake_up_);
}

void AvailabilityWatch::watch(const std::string& pool) noexcept {
    const std::lock_guard lock(mutex_);
    if (!state_.watch(pool)) return;
    if (!thread_.joinable()) {
        try {
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error&) {
            return;  // the queue polls, because quiet() returns 0; the watch of another pool tries again
        }
    }
    interrupt();
}

void AvailabilityWatch::unwatch(const std::string& pool) noexcept {
    const std::lock_guard lock(mutex_);
    state_.unwatch(pool, Steady::now());
}

Duration AvailabilityWatch::quiet(const std::string& pool) noexcept {
    const std::lock_guard lock(mutex_);
    return state_.quiet(pool, Steady::now(), fraction(random_));
}

void AvailabilityWatch::next_expiry_is_in(const std::string& pool, std::optional<Duration> time) noexcept {
    std::optional<SteadyTime> at;
    if (time) at = Steady::now() + std::min(*time, max_lease_duration);
    const std::lock_guard lock(mutex_);
    state_.set_next_expiry(pool, at);
}

void AvailabilityWatch::interrupt() const noexcept { ::eventfd_write(wake_up_, 1); }

void AvailabilityWatch::run() {
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        SteadyTime next{};
        try {
            next = step();
        } catch (const std::exception& error) {
            disconnected(error.what());
        }
        wait(next);
    }
    try {
        subscribe_to({});
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): subscriptions expire by themselves
    }
    source_.disconnect();
}

SteadyTime AvailabilityWatch::step() {
    const SteadyTime now = Steady::now();
    std::set<std::string> pools;
    SteadyTime next_attempt{};
    {
        const std::lock_guard lock(mutex_);
        pools = state_.wanted(now);
        next_attempt = state_.next_attempt();
    }
    if (!connected_) {
        if (pools.empty() || unsupported_) return SteadyTime::max();
        if (now < next_attempt) return next_attempt;
        connected_ = source_.connect();
        unsupported_ = !connected_;
        if (unsupported_) return SteadyTime::max();
        std::unique_lock lock(mutex_);
        const bool again = state_.connected(now);
        lock.unlock();
        if (again) callbacks_.warn("waiters are notified again of what other processes free");
    }
    subscribe_to(pools);
    SteadyTime next = std::min(now + limits_.linger, source_.maintain(now));
    for (;;) {
        const std::set<std::string> notified = source_.take_notifications();
        if (notified.empty()) break;
        for (const std::string& pool : notified) callbacks_.on_available(pool);
        // What was notified may have to be acted on.
        next = std::min(next, source_.maintain(now));
    }
    for (const std::string& pool : pools) {
        const bool notified = subscribed_.contains(pool) && source_.is_notified(pool);
        std::unique_lock lock(mutex_);
        const bool begins = state_.set_notified(pool, notified);
        lock.unlock();
        if (begins) callbacks_.on_available(pool);
    }
    const std::lock_guard lock(mutex_);
    if (!state_.is_idle(now)) return next;
    connected_ = false;
    source_.disconnect();
    return SteadyTime::max();
}

void AvailabilityWatch::subscribe_to(const std::set<std::string>& pools) {
    for (auto pool = subscribed_.begin(); pool != subscribed_.end();) {
        if (pools.contains(*pool)) {
            ++pool;
        } else {
            source_.unsubscribe(*pool);
            pool = subscribed_.erase(pool);
        }
    }
    for (const std::string& pool : pools) {
        if (!subscribed_.contains(pool) && source_.subscribe(pool)) subscribed_.insert(pool);
    }
}

void AvailabilityWatch::disconnected(const std::string& why) {
    connected_ = false;
    subscribed_.clear();
    source_.disconnect();
    std::unique_lock lock(mutex_);
    const bool first = state_.disconnected(Steady::now(), fraction(random_));
    lock.unlock();
    callbacks_.on_available({});
    if (first) {
        callbacks_.warn(
            "waiters are not notified of what other processes free, and poll every few "
            "milliseconds: " +
            why);
    }
}

void AvailabilityWatch::wait(SteadyTime until) {
    std::array<pollfd, 2> sources = {
        {{.fd = wake_up_, .events = POLLIN, .revents = 0},
         {.fd = connected_ ? source_.socket() : -1, .events = POLLIN, .revents = 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
    ::poll(sources.data(), sources.size(),
           static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    eventfd_t ignored = 0;
    ::eventfd_read(wake_up_, &ignored);
}

}  // namespace pharox::serverkit
