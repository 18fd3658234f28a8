// Calls that are made at the same time keep out of each other's way.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace pharox::postgres {

/// Whoever asks for the first proxy of an order that leases do not change gets the same one as everybody else
/// who asks, as long as it has room, and then each acquire and each release waits for the row that another
/// one has locked. While n calls of a storage are in progress, each thread therefore has a place of its own
/// among the first proxies, below n rounded up to a power of two (8 at most); calls that go together begin
/// behind them, where those before them ended, among four times as many. A call that is alone has the first
/// place. Thread-safe, and without locks.
class Crowd {
  public:
    /// For threads: an acquire reads the rows before its place.
    static constexpr std::size_t most_places = 8;

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

    // `question` is a hash of what is asked for.

    /// Where an acquire of the calling thread begins.
    int place(std::size_t question) noexcept;
    /// Where one of so many calls begins, behind the places of threads.
    int place_of_many(std::size_t question, std::size_t count) noexcept;
    /// Whether such acquires are to go together; asked once for each.
    bool acquires_go_together(std::size_t question) noexcept;
    /// There was too little from that place on: few proxies are left to choose from. For a while all begin at
    /// the first; and where they did, each goes by itself.
    void found_too_few(std::size_t question, int place) noexcept;
    /// What came of a trip with such acquires. Where more than one in five is refused, each goes by itself
    /// for a while, and is told why.
    void acquired(std::size_t question, bool refused) noexcept;
    /// Whether releases are to go together; asked once for each.
    bool releases_go_together() noexcept;
    /// What came of the releases of a trip. Where, over some trips, fewer than half were ended, as where all
    /// are on few proxies that others have locked, each goes by itself for a while.
    void released(std::size_t asked, std::size_t ended) noexcept;

  private:
    [[nodiscard]] std::size_t places() const noexcept;

    std::atomic<int> calls_{0};
    std::atomic<std::size_t> next_{0};
    /// For how many more calls something is left.
    class Pause {
      public:
        void begin() noexcept;
        bool goes_on() noexcept;

      private:
        std::atomic<int> left_{0};
    };
    /// Of what goes wrong, over what goes well, lately.
    class Balance {
      public:
        /// Whether it is too much; it begins anew then.
        bool is_too_much(int more) noexcept;

      private:
        std::atomic<int> balance_{0};
    };
    struct Pauses {
        Pause places, together;
        Balance refused;
    };
    std::array<Pauses, 64> pauses_{};  // some questions share them
    Pause releases_;
    Balance not_released_;
};

}  // namespace pharox::postgres
