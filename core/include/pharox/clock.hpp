// Time is a parameter: whoever needs to know what time it is, is given one of these.
#pragma once

#include <memory>
#include <mutex>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Tells the time. Thread-safe. An embedded store never takes a clock's word for going backwards.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Timestamp now() const = 0;
};

/// The machine's wall clock; what several processes on one machine agree on.
std::shared_ptr<const Clock> system_clock();
/// The wall clock as it was when this was called, advanced by the monotonic clock: it neither jumps nor turns
/// back.
std::shared_ptr<const Clock> steady_clock();

/// A clock that stands still until told otherwise: for tests and simulations. Thread-safe.
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
