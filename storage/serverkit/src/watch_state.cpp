#include "watch_state.hpp"

#include <algorithm>

namespace pharox::serverkit {

bool WatchState::watch(const std::string& pool) {
    const auto [entry, is_new] = pools_.try_emplace(pool);
    entry->second.left_at.reset();
    return is_new;
}

void WatchState::unwatch(const std::string& pool, SteadyTime now) {
    const auto entry = pools_.find(pool);
    if (entry == pools_.end()) return;
    entry->second.left_at = now;
    entry->second.next_expiry.reset();
}

void WatchState::set_next_expiry(const std::string& pool, std::optional<SteadyTime> at) {
    const auto entry = pools_.find(pool);
    if (entry != pools_.end()) entry->second.next_expiry = at;
}

Duration WatchState::quiet(const std::string& pool, SteadyTime now, double jitter) const {
    const auto entry = pools_.find(pool);
    if (entry == pools_.end() || !entry->second.notified) return Duration(0);
    Duration quiet =
        limits_.poll_interval -
        Duration(static_cast<Duration::rep>(static_cast<double>(limits_.poll_interval.count()) / 2 * jitter));
    if (const auto expiry = entry->second.next_expiry) {
        quiet = std::min(quiet, std::chrono::ceil<Duration>(*expiry - now));
    }
    return std::max(quiet, limits_.shortest_quiet);
}

std::set<std::string> WatchState::wanted(SteadyTime now) {
    std::erase_if(pools_, [&](const auto& entry) {
        const std::optional<SteadyTime>& left_at = entry.second.left_at;
        return left_at && now - *left_at >= limits_.linger;
    });
    if (!pools_.empty()) last_wanted_ = now;
    std::set<std::string> pools;
    for (const auto& [pool, state] : pools_) pools.insert(pool);
    return pools;
}

bool WatchState::set_notified(const std::string& pool, bool notified) {
    const auto entry = pools_.find(pool);
    if (entry == pools_.end()) return false;
    const bool begins = notified && !entry->second.notified;
    entry->second.notified = notified;
    return begins;
}

bool WatchState::connected(SteadyTime now) noexcept {
    last_wanted_ = now;
    const bool failed_before = failures_ > 0;
    failures_ = 0;
    return failed_before;
}

bool WatchState::disconnected(SteadyTime now, double jitter) {
    for (auto& [pool, state] : pools_) state.notified = false;
    constexpr unsigned most_doublings = 10;
    const auto step =
        std::min(limits_.longest_backoff, limits_.first_backoff * (1 << std::min(failures_, most_doublings)));
    next_attempt_ = now + step / 2 +
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::duration<double, std::milli>(step) / 2 * jitter);
    return failures_++ == 0;
}

bool WatchState::is_idle(SteadyTime now) const noexcept {
    return pools_.empty() && now - last_wanted_ >= limits_.idle_before_closing;
}

}  // namespace pharox::serverkit
