// Acquires and releases that are made at the same time, executed as one batch in one round trip.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "circuit_breaker.hpp"
#include "contention_spreading.hpp"
#include "group_committer.hpp"
#include "prepared_acquire.hpp"

namespace pharox::postgres {

/// An acquire or a release, and what its batch did. If that is nothing, the caller executes it alone.
struct BatchedLeaseCall : serverkit::BatchedCall {
    explicit BatchedLeaseCall(const PreparedAcquire& prepared)
        : id(prepared.request.lease_id), acquire(&prepared), call(prepared.call) {}
    explicit BatchedLeaseCall(LeaseId released) : id(released), call(new_call_key()) {}

    [[nodiscard]] bool compatible_with_all() const noexcept { return acquire == nullptr; }
    [[nodiscard]] bool compatible(const BatchedLeaseCall& other) const {
        return compatible_with_all() || other.compatible_with_all() ||
               rules::same_except_lease_id(acquire->request, other.acquire->request);
    }

    const LeaseId id;
    const PreparedAcquire* const acquire = nullptr;  ///< null for a release
    std::int64_t call;                               ///< its number, or the batch's
    bool in_doubt = false;                           ///< the batch may have been executed
    std::optional<ConnectionLost> unavailable{};     ///< there was no connection

    std::optional<LeasedProxy> leased{};
    bool any_expired = false;
    std::optional<Lease> ended{};
};

/// Thread-safe.
class LeaseBatches {
  public:
    LeaseBatches(Database& database, PickStatements& statements, ContentionSpreading& spreading)
        : database_(database), statements_(statements), spreading_(spreading) {}

    /// Whether acquires of a pool may start at an offset and be part of a batch; the caller reports whether
    /// that led to a lease. Some pools share one.
    serverkit::CircuitBreaker& breaker_of(const PreparedAcquire& acquire) noexcept {
        return acquire_breakers_[acquire.pool_hash() % acquire_breakers_.size()];
    }
    /// The same for releases, whose pools are not known.
    serverkit::CircuitBreaker& release_breaker() noexcept { return release_breaker_; }

    /// Returns when the call was part of a batch. `alone()` is called instead of a batch of one.
    template <class Alone>
    void execute(BatchedLeaseCall& call, Alone alone) {
        committer_.run(call, [&](std::span<BatchedLeaseCall* const> batch) {
            if (batch.size() == 1) return alone();
            execute_batch({batch.begin(), batch.end()});
        });
    }

  private:
    using Calls = std::vector<BatchedLeaseCall*>;
    void execute_batch(Calls calls);
    static void read_leased(const Calls& acquires, const Rows& rows);
    static void read_ended(const Calls& releases, const Rows& rows);

    Database& database_;
    PickStatements& statements_;
    ContentionSpreading& spreading_;
    serverkit::GroupCommitter<BatchedLeaseCall> committer_;
    std::array<serverkit::CircuitBreaker, 64> acquire_breakers_{};
    serverkit::CircuitBreaker release_breaker_;
};

}  // namespace pharox::postgres
