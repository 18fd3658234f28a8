// Acquires and releases that are made at the same time, executed as one batch in one round trip.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coalescer.hpp"
#include "crowd.hpp"
#include "prepared_acquire.hpp"

namespace pharox::postgres {

/// An acquire or a release, and what its batch did. If that is nothing, the caller executes it alone.
struct BatchedLeaseCall : CoalescedCall {
    explicit BatchedLeaseCall(const PreparedAcquire& prepared)
        : id(prepared.request.lease_id), acquire(&prepared), call(prepared.call) {}
    explicit BatchedLeaseCall(LeaseId released) : id(released), call(new_call_key()) {}

    [[nodiscard]] bool goes_with_all() const noexcept { return acquire == nullptr; }
    [[nodiscard]] bool goes_with(const BatchedLeaseCall& other) const {
        return goes_with_all() || other.goes_with_all() ||
               rules::same_except_lease_id(acquire->request, other.acquire->request);
    }

    const LeaseId id;
    const PreparedAcquire* const acquire = nullptr;  ///< null for a release
    std::int64_t call;                               ///< its number, or the batch's
    bool in_doubt = false;                           ///< the batch may have been executed
    std::optional<ConnectionLost> unavailable{};     ///< there was no connection

    std::optional<LeasedProxy> leased{};
    bool any_expired = false;
    std::optional<int> offset{};  ///< nothing was available from there on
    std::optional<Lease> ended{};
};

/// Thread-safe.
class LeaseBatches {
  public:
    LeaseBatches(Database& database, PickStatements& statements, Crowd& crowd)
        : database_(database), statements_(statements), crowd_(crowd) {}

    /// Returns when the call was part of a batch. `alone()` is called instead of a batch of one.
    template <class Alone>
    void execute(BatchedLeaseCall& call, Alone alone) {
        coalescer_.go(call, [&](std::span<BatchedLeaseCall* const> batch) {
            if (batch.size() == 1) return alone();
            execute_batch({batch.begin(), batch.end()});
        });
    }

  private:
    using Calls = std::vector<BatchedLeaseCall*>;
    void execute_batch(Calls calls);
    static void read_leased(const Calls& acquires, int offset, const Rows& rows);
    void read_ended(const Calls& releases, const Rows& rows);

    Database& database_;
    PickStatements& statements_;
    Crowd& crowd_;
    Coalescer<BatchedLeaseCall> coalescer_;
};

}  // namespace pharox::postgres
