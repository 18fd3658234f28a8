#include "lanes.hpp"

#include <algorithm>
#include <bit>

namespace pharox::postgres {

namespace {

/// Each row of the other lanes that an acquire passes costs it a look.
constexpr unsigned most_lanes = 32;
constexpr int acquires_without = 256;

/// Threads that begin one after the other have different lanes.
unsigned number_of_thread() noexcept {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

std::optional<Lane> Lanes::lane(std::size_t question) noexcept {
    const int calls = calls_.load(std::memory_order_relaxed);
    if (calls < 2) return std::nullopt;
    std::atomic<int>& pause = pauses_[question % pauses_.size()];
    if (pause.load(std::memory_order_relaxed) > 0) {
        pause.fetch_sub(1, std::memory_order_relaxed);
        return std::nullopt;
    }
    const unsigned mask = std::min(std::bit_ceil(static_cast<unsigned>(calls)), most_lanes) - 1;
    return Lane{.mask = static_cast<std::int32_t>(mask),
                .number = static_cast<std::int32_t>(number_of_thread() & mask)};
}

void Lanes::was_empty(std::size_t question) noexcept {
    pauses_[question % pauses_.size()].store(acquires_without, std::memory_order_relaxed);
}

}  // namespace pharox::postgres
