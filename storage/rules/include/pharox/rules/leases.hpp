// Decisions about leases: which answer a request gets, and the values of a lease when it begins, is renewed
// or ends. Pure functions. An adapter reads the arguments in one transaction and acts on the result in the
// same transaction. `now` is the store's time. `as_of_now` is the recorded lease after as_of(lease, now), so
// an expired one reads as released.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pharox/model/lease.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

// ---- Availability

/// Whether a proxy of this status may be leased at all.
bool is_leasable(ProxyStatus status, bool allow_slow) noexcept;
/// Whether the proxy has reached its limit.
bool is_full(const Proxy& proxy) noexcept;

// ---- A new lease

/// The fencing token of the next lease on a proxy whose newest lease has the token `last`: larger than that,
/// and at least the time in microseconds, so that tokens increase even if the store lost its newest values.
std::int64_t next_fencing_token(std::int64_t last, Timestamp now) noexcept;

/// What the store adds to a request when it leases a proxy.
struct Grant {
    const Proxy& proxy;
    ConsumerId consumer_id;
    std::string_view pool_name;
    std::int64_t fencing_token = 0;
    Timestamp now{};
};
/// The lease that a normalised request gets. If one request creates several leases, the adapter sets the id
/// of each afterwards.
Lease make_lease(const AcquireRequest& request, const Grant& grant);
Lease make_lease(const CreateLeaseRequest& request, const Grant& grant);

// ---- A lease id that exists already

/// The answer to a request with the id of a recorded lease.
enum class Replay : std::uint8_t {
    forgotten,       ///< its retention is over: delete the record and answer as if it did not exist
    same_lease,      ///< return the recorded lease, with `replayed` set
    lease_ended,     ///< acquire returns Miss::lease_ended; create_lease throws LeaseEndedError
    other_consumer,  ///< throw ConflictError
    other_pool,      ///< throw ConflictError
};
/// How the request compares with the recorded lease.
struct ReplayFacts {
    /// The requested consumer is the lease's; false if it does not exist.
    bool same_consumer = false;
    /// The requested pool, or the pool of the requested proxy, is the lease's; true if that proxy does not
    /// exist.
    bool same_pool = true;
};
Replay decide_replay(const Lease& as_of_now, const ReplayFacts& facts, Timestamp now, Duration retention);
/// Throws the ConflictError for other_consumer and other_pool; if `ended_throws`, which create_lease passes,
/// also LeaseEndedError for lease_ended. Returns for the other values.
void throw_refusal(Replay replay, LeaseId id, bool ended_throws);

// ---- create_lease

/// The answer of create_lease if no recorded lease has its id: the first of these that applies.
enum class Create : std::uint8_t { no_proxy, no_consumer, not_active, full, grant };
struct CreateFacts {
    std::optional<ProxyStatus> proxy{};  ///< the proxy's status; empty: there is no such proxy
    bool consumer_known = false;
    /// is_full(). If expired leases that have not been collected are part of the count, the adapter collects
    /// them and decides again.
    bool full = false;
};
Create decide_create(const CreateFacts& facts, bool allow_slow) noexcept;
/// Throws the error of the contract for this answer; returns for `grant`.
void throw_refusal(Create create, const CreateLeaseRequest& request);

// ---- A miss

/// The pool after an acquire found no proxy to lease. "Candidates" are the proxies whose status is leasable
/// and that match the filter apart from its predicates.
struct MissFacts {
    bool pool_known = false;
    bool any_full = false;  ///< a candidate has reached its limit
    bool any_free = false;  ///< a candidate is below its limit: its weight is 0, or it was freed meanwhile
    /// The filter has a predicate, or another condition that the store cannot evaluate.
    bool has_predicate = false;
};
/// The reason for the miss.
Miss decide_miss(const MissFacts& facts) noexcept;

// ---- Renewal and end

/// The expires_at of the renewed lease: the later of its present one and now + duration, but not after
/// tenure_ends_at. Empty if the lease cannot be renewed: it has ended, or expires at tenure_ends_at already.
std::optional<Timestamp> renewed_until(const Lease& as_of_now, Duration duration, Timestamp now) noexcept;
/// Sets the status, time and reason of its end.
void end(Lease& lease, Timestamp at, ReleaseReason reason) noexcept;

}  // namespace rules
}  // namespace pharox
