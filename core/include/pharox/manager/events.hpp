// The events that a manager passes to callbacks.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "pharox/filters.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/serialization.hpp"
#include "pharox/model/stats.hpp"
#include "pharox/selector.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// One acquire, hit or miss.
struct AcquireEventPayload {
    std::optional<Lease> lease{};  ///< nothing on a miss
    std::optional<Miss> miss{};    ///< nothing on a hit
    std::string pool_name;
    std::string consumer_name;
    ProxyFilters filters{};
    Selector selector = Selector::first_available;
    Timestamp started_at{};
    Timestamp completed_at{};
    std::chrono::microseconds duration{};  ///< by the monotonic clock
    PoolStats pool_stats{};  ///< only for callbacks that requested them; nothing for an unknown pool

    friend bool operator==(const AcquireEventPayload&, const AcquireEventPayload&) = default;
};

/// The end of one lease: released or revoked by this manager's call, or collected by it.
struct ReleaseEventPayload {
    Lease lease;
    std::string pool_name;
    ReleaseReason reason = ReleaseReason::released;
    Timestamp released_at{};
    std::chrono::microseconds lease_duration{};  ///< from acquired_at to released_at
    PoolStats pool_stats{};

    friend bool operator==(const ReleaseEventPayload&, const ReleaseEventPayload&) = default;
};

/// To JSON, as for models (pharox/model/serialization.hpp); an acquire's JSON omits predicates.
Json to_json(const AcquireEventPayload& event);
Json to_json(const ReleaseEventPayload& event);
template <>
AcquireEventPayload from_json(const Json& json);
template <>
ReleaseEventPayload from_json(const Json& json);
std::ostream& operator<<(std::ostream& out, const AcquireEventPayload& event);
std::ostream& operator<<(std::ostream& out, const ReleaseEventPayload& event);

using AcquireCallback = std::function<void(AcquireEventPayload)>;
using ReleaseCallback = std::function<void(ReleaseEventPayload)>;

struct CallbackOptions {
    bool pool_stats = false;  ///< compute statistics for each event: one more call to the store
};

}  // namespace pharox
