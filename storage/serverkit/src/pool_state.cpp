#include "pool_state.hpp"

#include <algorithm>

namespace pharox::serverkit {

PoolState::Grant PoolState::grant(SteadyTime now) {
    if (idle_ > 0) {
        --idle_;
        return Grant::idle;
    }
    const bool may_connect =
        open_ < limits_.connections && (failures_ == 0 || (connecting_ == 0 && now >= next_try_));
    if (!may_connect) return Grant::none;
    ++open_;
    ++connecting_;
    return Grant::connect;
}

PoolState::Grant PoolState::request(Waiter& waiter, SteadyTime now) {
    // A queue in spite of capacity: the head's timer is about to fire.
    waiter.grant = queue_.empty() ? grant(now) : Grant::none;
    if (waiter.grant == Grant::none) queue_.push_back(&waiter);
    return waiter.grant;
}

PoolState::Grant PoolState::request_again(Waiter& waiter, SteadyTime now) {
    waiter.grant = grant(now);
    if (waiter.grant == Grant::none) queue_.push_front(&waiter);
    return waiter.grant;
}

PoolState::Grant PoolState::idle_was_broken(Waiter& waiter, SteadyTime now) {
    --open_;
    return request_again(waiter, now);
}

PoolState::Grant PoolState::poll(Waiter& waiter, SteadyTime now) {
    if (waiter.grant == Grant::none && queue_.front() == &waiter) next(now);
    return waiter.grant;
}

SteadyTime PoolState::wait_until(const Waiter& waiter, SteadyTime deadline) const {
    const bool times_the_backoff =
        queue_.front() == &waiter && failures_ > 0 && connecting_ == 0 && open_ < limits_.connections;
    return times_the_backoff ? std::min(deadline, next_try_) : deadline;
}

PoolState::Waiter* PoolState::next(SteadyTime now) {
    if (queue_.empty()) return nullptr;
    Waiter* const head = queue_.front();
    head->grant = grant(now);
    if (head->grant == Grant::none) return nullptr;
    queue_.pop_front();
    return head;
}

/// While connecting fails, a head that is granted nothing wakes up too, to time the back-off.
PoolState::Waiter* PoolState::next_or_head(SteadyTime now) {
    Waiter* const granted = next(now);
    if (granted != nullptr || failures_ == 0 || queue_.empty()) return granted;
    return queue_.front();
}

PoolState::Waiter* PoolState::returned(SteadyTime now) {
    ++idle_;
    return next(now);
}

PoolState::Waiter* PoolState::discarded(SteadyTime now) {
    --open_;
    return next_or_head(now);
}

PoolState::Waiter* PoolState::connected(SteadyTime now) {
    --connecting_;
    failures_ = 0;
    return next(now);
}

PoolState::Waiter* PoolState::connect_failed(SteadyTime now, double jitter) {
    --connecting_;
    --open_;
    constexpr unsigned most_doublings = 10;
    const auto step =
        std::min(limits_.longest_backoff, limits_.first_backoff * (1 << std::min(failures_, most_doublings)));
    ++failures_;
    next_try_ = now + step / 2 +
                std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::duration<double, std::milli>(step) / 2 * jitter);
    return next_or_head(now);
}

PoolState::Waiter* PoolState::leave(Waiter& waiter, SteadyTime now) {
    const bool was_head = !queue_.empty() && queue_.front() == &waiter;
    std::erase(queue_, &waiter);
    return was_head ? next_or_head(now) : nullptr;
}

}  // namespace pharox::serverkit
