#include "crowd.hpp"

#include <algorithm>
#include <bit>

namespace pharox::postgres {

namespace {

/// An acquire reads the rows before its place.
constexpr unsigned most_places = 32;
constexpr int acquires_in_a_pause = 256;

/// Threads that begin one after the other have different places.
unsigned number_of_thread() noexcept {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

int Crowd::place(std::size_t question) noexcept {
    const int calls = calls_.load(std::memory_order_relaxed);
    if (calls < 2) return 0;
    std::atomic<int>& pause = pauses_[question % pauses_.size()];
    if (pause.load(std::memory_order_relaxed) > 0) {
        pause.fetch_sub(1, std::memory_order_relaxed);
        return 0;
    }
    const unsigned places = std::min(std::bit_ceil(static_cast<unsigned>(calls)), most_places);
    return static_cast<int>(number_of_thread() % places);
}

void Crowd::found_nothing(std::size_t question) noexcept {
    pauses_[question % pauses_.size()].store(acquires_in_a_pause, std::memory_order_relaxed);
}

}  // namespace pharox::postgres
