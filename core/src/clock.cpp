#include "pharox/clock.hpp"

namespace pharox {
namespace {

class SystemClock final : public Clock {
  public:
    [[nodiscard]] Timestamp now() const override { return current_time(); }
};

class SteadyClock final : public Clock {
  public:
    [[nodiscard]] Timestamp now() const override {
        return start_ + std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::steady_clock::now() - steady_start_);
    }

  private:
    Timestamp start_ = current_time();
    std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::shared_ptr<const Clock> system_clock() { return std::make_shared<const SystemClock>(); }
std::shared_ptr<const Clock> steady_clock() { return std::make_shared<const SteadyClock>(); }

}  // namespace pharox
