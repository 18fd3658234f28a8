// Concurrent calls start at different offsets of an order, so that they lock different rows.
#pragma once

#include <atomic>
#include <cstddef>

namespace pharox::postgres {

/// Acquires that all start at the first proxy of an order compete for one row until it is full: each acquire
/// and each release then waits for the lock of another. While n calls of a storage are executing, each thread
/// therefore has a start offset of its own below n, rounded up to a power of two, 8 at most. Batches start
/// behind those, each where the previous one ended, within four times as many offsets: a lease can end while
/// no call starts at its proxy. A call that is alone starts at the first. Thread-safe and without locks.
class ContentionSpreading {
  public:
    /// An acquire reads the rows before its offset.
    static constexpr std::size_t most_offsets = 8;

    /// An acquire or a release that is executing.
    class Call {
      public:
        explicit Call(ContentionSpreading& spreading) noexcept : spreading_(spreading) {
            spreading_.calls_.fetch_add(1, std::memory_order_relaxed);
        }
        ~Call() { spreading_.calls_.fetch_sub(1, std::memory_order_relaxed); }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

      private:
        ContentionSpreading& spreading_;
    };

    /// Of an acquire of the calling thread.
    [[nodiscard]] int offset() const noexcept;
    /// Of a batch of so many acquires.
    int batch_offset(std::size_t acquires) noexcept;

  private:
    [[nodiscard]] std::size_t offsets() const noexcept;

    std::atomic<int> calls_{0};
    std::atomic<std::size_t> next_batch_{0};
};

}  // namespace pharox::postgres
