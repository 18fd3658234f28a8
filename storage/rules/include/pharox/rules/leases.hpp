// How leases begin, repeat, go on and end. Pure decisions: facts that an adapter read in one transaction go
// in, what to do comes out. `now` is always the store's time; `stored` a lease as recorded, `as_of_now` what
// as_of() made of it.
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
/// Whether the proxy has as many leases as it may have.
bool is_full(const Proxy& proxy) noexcept;

// ---- A new lease

/// Strictly increasing per proxy, also where the store lost its newest values: never below the time.
std::int64_t next_fencing_token(std::int64_t last, Timestamp now) noexcept;

/// What the store adds to a request when it leases a proxy.
struct Grant {
    const Proxy& proxy;
    ConsumerId consumer_id;
    std::string_view pool_name;
    std::int64_t fencing_token = 0;
    Timestamp now{};
};
/// The lease that a normalised request makes. Where one request makes several, set each one's id afterwards.
Lease make_lease(const AcquireRequest& request, const Grant& grant);
Lease make_lease(const CreateLeaseRequest& request, const Grant& grant);

// ---- A lease id that exists already

/// What a recorded lease answers to a request with its id.
enum class Replay : std::uint8_t {
    forgotten,       ///< ended longer ago than the retention: delete the record, if any, and lease anew
    same_lease,      ///< answer with the recorded lease, `replayed` set
    lease_ended,     ///< acquire: Miss::lease_ended; create_lease: LeaseEndedError
    other_consumer,  ///< ConflictError
    other_pool,      ///< ConflictError
};
/// Who asks: compared with what is recorded.
struct ReplayFacts {
    bool same_consumer = false;  ///< false also where no consumer of that name exists
    bool same_pool = true;       ///< of create_lease: also true where the proxy asked for does not exist
};
Replay decide_replay(const Lease& as_of_now, const ReplayFacts& facts, Timestamp now, Duration retention);
/// For acquire: throws ConflictError for other_consumer and other_pool. For create_lease, with
/// `ended_throws`, LeaseEndedError too.
void throw_refusal(Replay replay, LeaseId id, bool ended_throws);

// ---- create_lease

/// What create_lease answers if no recorded lease has its id, in the order in which it is checked.
enum class Create : std::uint8_t { no_proxy, no_consumer, not_active, full, grant };
struct CreateFacts {
    std::optional<ProxyStatus> proxy{};  ///< its status; nothing: there is no such proxy
    bool consumer_known = false;
    bool full = false;  ///< is_full; while expired leases are not collected yet, collect them and decide anew
};
Create decide_create(const CreateFacts& facts, bool allow_slow) noexcept;
/// Throws the error that the contract names; returns for `grant`.
void throw_refusal(Create create, const CreateLeaseRequest& request);

// ---- A miss

/// What remains in the pool if nothing could be leased. A proxy counts if its status is leasable and the
/// filter matches, predicates left aside.
struct MissFacts {
    bool pool_known = false;
    bool any_full = false;       ///< one is full
    bool any_free = false;       ///< one is not full and was not picked: of weight 0, or freed a moment ago
    bool has_predicate = false;  ///< a predicate, or a filter that the store cannot evaluate, decided too
};
Miss decide_miss(const MissFacts& facts) noexcept;

// ---- Renewal and end

/// The new expires_at: the later of the present one and now + duration, at most tenure_ends_at. Nothing if
/// the lease has ended or has reached its tenure.
std::optional<Timestamp> renewed_until(const Lease& as_of_now, Duration duration, Timestamp now) noexcept;
/// Records the end in the lease.
void end(Lease& lease, Timestamp at, ReleaseReason reason) noexcept;

}  // namespace rules
}  // namespace pharox
