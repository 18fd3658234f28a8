// Acquires and releases that share a trip.
#pragma once

#include "acquire_ask.hpp"

namespace pharox::postgres {

/// An acquire, or a release, that may share a trip; where nothing came of that, it goes by itself.
struct Leasing::InCompany : CoalescedCall {
    explicit InCompany(const Ask& asked) : id(asked.lease_id), ask(&asked), call(asked.call) {}
    explicit InCompany(LeaseId released) : id(released), call(new_call_key()) {}

    [[nodiscard]] bool goes_with_all() const noexcept { return ask == nullptr; }
    [[nodiscard]] bool goes_with(const InCompany& other) const {
        return goes_with_all() || other.goes_with_all() || ask->asks_the_same_as(*other.ask);
    }

    const LeaseId id;
    const Ask* const ask = nullptr;               ///< of an acquire
    std::int64_t call;                            ///< its number, or the trip's
    bool in_doubt = false;                        ///< the trip may have done its work
    std::optional<ConnectionLost> unavailable{};  ///< there was no connection

    std::optional<LeasedProxy> leased{};
    bool due = false;
    std::optional<int> place{};  ///< from where on there was nothing for it
    std::optional<Lease> ended{};
};

}  // namespace pharox::postgres
