// Clocks. Time is a parameter: code that needs the current time takes a Clock.
#pragma once

#include <memory>
#include <mutex>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Returns the current time. Thread-safe. A store's time stays monotonic if its clock runs backwards.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Timestamp now() const = 0;
};

/// The system's wall clock, on which several processes of one machine agree.
std::shared_ptr<const Clock> system_clock();
/// The wall clock's time at the moment of this call, advanced by the monotonic clock: it neither jumps nor
/// runs backwards.
std::shared_ptr<const Clock> steady_clock();

/// A clock that changes only by advance() and set(): for tests and simulations. Thread-safe.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(Timestamp start = Timestamp(std::chrono::days(20'000))) : now_(start) {}
    [[nodiscard]] Timestamp now() const override {
        const std::lock_guard lock(mutex_);
        return now_;
    }
    void advance(std::chrono::microseconds by) {
        const std::lock_guard lock(mutex_);
        now_ += by;
    }
    void set(Timestamp to) {
        const std::lock_guard lock(mutex_);
        now_ = to;
    }

  private:
    mutable std::mutex mutex_;
    Timestamp now_;
};

}  // namespace pharox
