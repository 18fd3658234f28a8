// Calls that are made at the same time keep out of each other's way.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace pharox::postgres {

/// Whoever asks for the first proxy of an order that leases do not change gets the same one as everybody else
/// who asks, as long as it has room, and then each acquire and each release waits for the row that another
/// one has locked. While n calls of a storage are in progress, each thread therefore has a place of its own
/// among the first proxies: below n rounded up to a power of two. A call that is alone has the first place.
/// Thread-safe, and without locks.
class Crowd {
  public:
    /// An acquire or a release in progress.
    class Call {
      public:
        explicit Call(Crowd& crowd) noexcept : crowd_(crowd) {
            crowd_.calls_.fetch_add(1, std::memory_order_relaxed);
        }
        ~Call() { crowd_.calls_.fetch_sub(1, std::memory_order_relaxed); }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

      private:
        Crowd& crowd_;
    };

    /// Whether more than one call is in progress.
    [[nodiscard]] bool is_there() const noexcept { return calls_.load(std::memory_order_relaxed) > 1; }
    /// The calling thread's place. `question` is a hash of what is asked for.
    int place(std::size_t question) noexcept;
    /// There was nothing at the place, or after it: few proxies are left to choose from, and for a while all
    /// places are the first.
    void found_nothing(std::size_t question) noexcept;

  private:
    std::atomic<int> calls_{0};
    /// How many more acquires have the first place, by question; some share one.
    std::array<std::atomic<int>, 64> pauses_{};
};

}  // namespace pharox::postgres
