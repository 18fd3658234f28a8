// Suspends an optimisation that mostly fails.
#pragma once

#include <algorithm>
#include <atomic>

namespace pharox::serverkit {

/// Opens when failures outnumber successes by `threshold`, and closes again after `pause` calls. Thread-safe
/// and without locks: with concurrent reports, one may be missed.
class CircuitBreaker {
  public:
    static constexpr int threshold = 16;
    static constexpr int pause = 256;

    /// Whether this call may take the optimised path. Call it once for each call.
    [[nodiscard]] bool closed() noexcept {
        return suspended_.load(std::memory_order_relaxed) <= 0 ||
               suspended_.fetch_sub(1, std::memory_order_relaxed) <= 0;
    }
    void report(int succeeded, int failed) noexcept {
        const int before = balance_.load(std::memory_order_relaxed);
        const int balance = std::max(0, before + failed - succeeded);
        if (balance == before) return;  // no write to memory that other threads read
        const bool opens = balance >= threshold;
        balance_.store(opens ? 0 : balance, std::memory_order_relaxed);
        if (opens) suspended_.store(pause, std::memory_order_relaxed);
    }

  private:
    std::atomic<int> balance_{0};    // failures minus successes, not below zero
    std::atomic<int> suspended_{0};  // calls until it closes
};

}  // namespace pharox::serverkit
