// Calls that are made at the same time keep out of each other's way.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace pharox::postgres {

/// The proxies whose id's last byte, under the mask, is the number.
struct Lane {
    std::int32_t mask = 0;
    std::int32_t number = 0;
    friend bool operator==(const Lane&, const Lane&) = default;
};

/// Whoever asks for the first proxy of an order that leases do not change gets the same one as everybody else
/// who asks, as long as it has room, and then each acquire and each release waits for the row that another
/// one has locked. While several calls of a storage are in progress, each thread is given a lane of its own;
/// a call that is alone has all proxies, in order. Thread-safe, and without locks.
class Lanes {
  public:
    /// An acquire or a release in progress.
    class Call {
      public:
        explicit Call(Lanes& lanes) noexcept : lanes_(lanes) {
            lanes_.calls_.fetch_add(1, std::memory_order_relaxed);
        }
        ~Call() { lanes_.calls_.fetch_sub(1, std::memory_order_relaxed); }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

      private:
        Lanes& lanes_;
    };

    [[nodiscard]] bool are_worth_it() const noexcept { return calls_.load(std::memory_order_relaxed) > 1; }
    /// The calling thread's, or none where the call is alone, or where one was empty a short while ago.
    /// `question` is a hash of what is asked for.
    std::optional<Lane> lane(std::size_t question) noexcept;
    /// There was nothing in the lane: few proxies are left to choose from.
    void was_empty(std::size_t question) noexcept;

  private:
    std::atomic<int> calls_{0};
    /// How many more acquires go without lanes, by question; some share one.
    std::array<std::atomic<int>, 64> pauses_{};
};

}  // namespace pharox::postgres
