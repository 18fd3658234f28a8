#include "contention_spreading.hpp"

#include <algorithm>
#include <bit>

namespace pharox::postgres {

namespace {

constexpr std::size_t batch_offsets = 4;  // for each offset of a thread

/// Threads that start one after the other have different numbers.
unsigned thread_number() noexcept {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

std::size_t ContentionSpreading::offsets() const noexcept {
    const int calls = calls_.load(std::memory_order_relaxed);
    return calls < 2 ? 1 : std::min(std::bit_ceil(static_cast<std::size_t>(calls)), most_offsets);
}

int ContentionSpreading::offset() const noexcept { return static_cast<int>(thread_number() % offsets()); }

int ContentionSpreading::batch_offset(std::size_t acquires) noexcept {
    const std::size_t first = offsets();
    const std::size_t from = next_batch_.fetch_add(acquires, std::memory_order_relaxed);
    return static_cast<int>(first + from % (batch_offsets * first));
}

}  // namespace pharox::postgres
