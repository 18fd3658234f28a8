// Renews the held leases of a manager.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "pharox/storage/lease_control.hpp"
#include "scheduler.hpp"

namespace pharox {

/// A lease that is renewed until it is no longer held.
class Renewable {
  public:
    virtual ~Renewable() = default;
    /// Empty if the lease is no longer held.
    [[nodiscard]] virtual std::optional<RenewRequest> next_renewal() const = 0;
    /// The result of a renewal that was requested at `started`; null if the call failed. Returns when to
    /// renew next, or empty. Must not throw.
    virtual std::optional<Scheduler::Time> renewed(const RenewResult* result, Scheduler::Time started) = 0;
};

/// The renewals whose time has come are requested together, up to `most_together` in a call, by as many
/// concurrent calls as the scheduler has threads. The leases of a call that failed, or that has not returned
/// after a sixth of the lease's duration, are renewed one by one, so that one of them cannot keep the others
/// from being renewed. Thread-safe.
class Renewals {
  public:
    using RenewMany = std::function<std::vector<RenewResult>(const std::vector<RenewRequest>&)>;
    static constexpr std::size_t most_together = 100;

    /// Both functions are called only while a Renewable is locked; `report` with the exception that
    /// `renew_many` threw as the current one.
    Renewals(Scheduler& scheduler, RenewMany renew_many, std::function<void()> report);

    /// Renews the lease at `first`, while it exists. Throws Error if no thread can be started.
    void add(Scheduler::Time first, std::weak_ptr<Renewable> lease);

  private:
    struct Queue;

    Scheduler& scheduler_;
    std::shared_ptr<Queue> queue_;  // shared with the scheduler's tasks
};

}  // namespace pharox
