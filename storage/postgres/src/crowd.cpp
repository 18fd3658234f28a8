#include "crowd.hpp"

#include <algorithm>
#include <bit>

namespace pharox::postgres {

namespace {

/// Places for calls that go together, for each place of a thread: enough that a lease can end while its proxy
/// is nobody's place.
constexpr std::size_t places_of_many = 4;
constexpr int calls_in_a_pause = 256;
constexpr int too_much = 16;

/// Threads that begin one after the other have different places.
unsigned number_of_thread() noexcept {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

std::size_t Crowd::places() const noexcept {
    const int calls = calls_.load(std::memory_order_relaxed);
    return calls < 2 ? 1 : std::min(std::bit_ceil(static_cast<std::size_t>(calls)), most_places);
}

void Crowd::Pause::begin() noexcept { left_.store(calls_in_a_pause, std::memory_order_relaxed); }
bool Crowd::Pause::goes_on() noexcept {
    return left_.load(std::memory_order_relaxed) > 0 && left_.fetch_sub(1, std::memory_order_relaxed) > 0;
}

bool Crowd::Balance::is_too_much(int more) noexcept {
    // Where two threads do this at once, one is not counted.
    const int balance = std::max(0, balance_.load(std::memory_order_relaxed) + more);
    balance_.store(balance < too_much ? balance : 0, std::memory_order_relaxed);
    return balance >= too_much;
}

int Crowd::place(std::size_t question) noexcept {
    const std::size_t places = this->places();
    if (places == 1 || pauses_[question % pauses_.size()].places.goes_on()) return 0;
    return static_cast<int>(number_of_thread() % places);
}

int Crowd::place_of_many(std::size_t question, std::size_t count) noexcept {
    if (pauses_[question % pauses_.size()].places.goes_on()) return 0;
    const std::size_t begin = places();
    const std::size_t from = next_.fetch_add(count, std::memory_order_relaxed);
    return static_cast<int>(begin + from % (places_of_many * begin));
}

bool Crowd::acquires_go_together(std::size_t question) noexcept {
    return !pauses_[question % pauses_.size()].together.goes_on();
}
void Crowd::found_too_few(std::size_t question, int place) noexcept {
    Pauses& pauses = pauses_[question % pauses_.size()];
    (place > 0 ? pauses.places : pauses.together).begin();
}

void Crowd::acquired(std::size_t question, bool refused) noexcept {
    Pauses& pauses = pauses_[question % pauses_.size()];
    if (pauses.refused.is_too_much(refused ? 4 : -1)) pauses.together.begin();
}

bool Crowd::releases_go_together() noexcept { return !releases_.goes_on(); }
void Crowd::released(std::size_t asked, std::size_t ended) noexcept {
    if (not_released_.is_too_much(static_cast<int>(asked) - 2 * static_cast<int>(ended))) releases_.begin();
}

}  // namespace pharox::postgres
