#include "crowd.hpp"

#include <algorithm>
#include <bit>

namespace pharox::postgres {

namespace {

/// An acquire reads the rows before its place.
constexpr std::size_t most_places = 8;
/// Enough that a lease can end while its proxy is nobody's place.
constexpr std::size_t turns = 4;
constexpr int acquires_in_a_pause = 256;

/// Threads that begin one after the other have different places.
unsigned number_of_thread() noexcept {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

bool goes_on(std::atomic<int>& pause) noexcept {
    return pause.load(std::memory_order_relaxed) > 0 && pause.fetch_sub(1, std::memory_order_relaxed) > 0;
}

}  // namespace

std::size_t Crowd::places() const noexcept {
    const int calls = calls_.load(std::memory_order_relaxed);
    return calls < 2 ? 1 : std::min(std::bit_ceil(static_cast<std::size_t>(calls)), most_places);
}

int Crowd::place(std::size_t question) noexcept {
    const std::size_t places = this->places();
    if (places == 1 || goes_on(pauses_[question % pauses_.size()].places)) return 0;
    return static_cast<int>(number_of_thread() % places);
}

int Crowd::place_of_many(std::size_t question, std::size_t count) noexcept {
    if (goes_on(pauses_[question % pauses_.size()].places)) return 0;
    const std::size_t begin = places();
    const std::size_t from = next_.fetch_add(count, std::memory_order_relaxed);
    return static_cast<int>(begin + from % (turns * begin));
}

bool Crowd::goes_together(std::size_t question) noexcept {
    return !goes_on(pauses_[question % pauses_.size()].together);
}

void Crowd::found_too_few(std::size_t question, int place) noexcept {
    Pause& pause = pauses_[question % pauses_.size()];
    (place > 0 ? pause.places : pause.together).store(acquires_in_a_pause, std::memory_order_relaxed);
}

}  // namespace pharox::postgres
