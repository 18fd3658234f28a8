// How leases begin, repeat, are renewed and end. Pure functions: the arguments are facts that an adapter read
// in one transaction, the result is what it has to do. `now` is the store's time; `stored` is a lease as
// recorded; `as_of_now` is the result of as_of() for it.
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

/// Strictly increasing per proxy, even if the store lost its newest values: never smaller than the time.
std::int64_t next_fencing_token(std::int64_t last, Timestamp now) noexcept;

/// What the store adds to a request when it leases a proxy.
struct Grant {
    const Proxy& proxy;
    ConsumerId consumer_id;
    std::string_view pool_name;
    std::int64_t fencing_token = 0;
    Timestamp now{};
};
/// The lease for a normalised request. If one request creates several leases, set each one's id afterwards.
Lease make_lease(const AcquireRequest& request, const Grant& grant);
Lease make_lease(const CreateLeaseRequest& request, const Grant& grant);

// ---- A lease id that exists already

/// The answer to a request whose lease id is recorded already.
enum class Replay : std::uint8_t {
    forgotten,       ///< its retention is over: delete the record, if it still exists, and lease anew
    same_lease,      ///< return the recorded lease, with `replayed` set
    lease_ended,     ///< acquire: Miss::lease_ended; create_lease: LeaseEndedError
    other_consumer,  ///< ConflictError
    other_pool,      ///< ConflictError
};
/// The request, compared with the recorded lease.
struct ReplayFacts {
    bool same_consumer = false;  ///< false also if no consumer of the requested name exists
    bool same_pool = true;       ///< in create_lease: true also if the requested proxy does not exist
};
Replay decide_replay(const Lease& as_of_now, const ReplayFacts& facts, Timestamp now, Duration retention);
/// For acquire: throws ConflictError for other_consumer and other_pool. For create_lease, with
/// `ended_throws`, LeaseEndedError too.
void throw_refusal(Replay replay, LeaseId id, bool ended_throws);

// ---- create_lease

/// The answer of create_lease if no recorded lease has its id. Conditions are checked in this order.
enum class Create : std::uint8_t { no_proxy, no_consumer, not_active, full, grant };
struct CreateFacts {
    std::optional<ProxyStatus> proxy{};  ///< its status; empty: there is no such proxy
    bool consumer_known = false;
    bool full = false;  ///< is_full; if expired leases still count, collect them and decide again
};
Create decide_create(const CreateFacts& facts, bool allow_slow) noexcept;
/// Throws the error that the contract names; returns for `grant`.
void throw_refusal(Create create, const CreateLeaseRequest& request);

// ---- A miss

/// The pool's proxies when none could be leased. A proxy counts if its status is leasable and the filter,
/// without its predicates, matches.
struct MissFacts {
    bool pool_known = false;
    bool any_full = false;       ///< a proxy has reached its limit
    bool any_free = false;       ///< a proxy is below its limit: it has weight 0, or was freed after the pick
    bool has_predicate = false;  ///< a predicate, or a condition that the store cannot evaluate, decided too
};
Miss decide_miss(const MissFacts& facts) noexcept;

// ---- Renewal and end

/// The new expires_at: the later of the present one and now + duration, at most tenure_ends_at. Empty if the
/// lease has ended or has reached tenure_ends_at.
std::optional<Timestamp> renewed_until(const Lease& as_of_now, Duration duration, Timestamp now) noexcept;
/// Records the end in the lease.
void end(Lease& lease, Timestamp at, ReleaseReason reason) noexcept;

}  // namespace rules
}  // namespace pharox
