// Whether an operation is executed again.
#pragma once

#include <chrono>
#include <cstdint>

#include "pool_state.hpp"

namespace pharox::serverkit {

/// What an adapter's classifier makes of an error that the server answered.
enum class ServerFailure : std::uint8_t {
    conflict,   ///< rolled back for a reason that ends at once: deadlock, serialization, lost prepared
                ///< statements
    transient,  ///< rolled back; a later call may succeed
    final,
};

/// How often a call may be repeated whose outcome is unknown.
enum class Idempotent : bool { no, yes };

/// The attempts of one operation. No I/O; the caller passes the time.
class Retries {
  public:
    static constexpr int most_conflicts = 50;

    /// `outcome_unknown`: an earlier statement of the same call may have been executed.
    Retries(Idempotent idempotent, SteadyTime give_up, bool outcome_unknown = false) noexcept
        : idempotent_(idempotent == Idempotent::yes), give_up_(give_up), outcome_unknown_(outcome_unknown) {
        losses_ = outcome_unknown ? 1 : 0;
    }

    [[nodiscard]] SteadyTime give_up() const noexcept { return give_up_; }
    /// A request that was sent may have been executed.
    [[nodiscard]] bool outcome_unknown() const noexcept { return outcome_unknown_; }

    // True: execute it again.

    [[nodiscard]] bool after(ServerFailure failure) noexcept {
        return failure == ServerFailure::conflict && ++conflicts_ < most_conflicts;
    }
    [[nodiscard]] bool after_lost_connection(bool sent, SteadyTime now) noexcept {
        outcome_unknown_ = outcome_unknown_ || sent;
        if (sent && !idempotent_) return false;
        // A frozen connection is noticed late: the first loss is followed by another attempt in any case.
        return losses_++ == 0 || now < give_up_;
    }

  private:
    bool idempotent_;
    SteadyTime give_up_;
    bool outcome_unknown_;
    int conflicts_ = 0;
    int losses_ = 0;  // of connections
};

}  // namespace pharox::serverkit
