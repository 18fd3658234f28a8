#include "pharox/rules/leases.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "pharox/errors.hpp"
#include "pharox/rules/retention.hpp"

namespace pharox::rules {

bool is_leasable(ProxyStatus status, bool allow_slow) noexcept {
    return status == ProxyStatus::active || (allow_slow && status == ProxyStatus::slow);
}

bool is_full(const Proxy& proxy) noexcept {
    return proxy.max_concurrency && proxy.current_leases >= *proxy.max_concurrency;
}

std::int64_t next_fencing_token(std::int64_t last, Timestamp now) noexcept {
    return std::max<std::int64_t>(last + 1, now.time_since_epoch().count());
}

namespace {

struct Terms {
    LeaseId id;
    Duration duration;
    std::optional<Duration> max_tenure;
    const Json& metadata;
};

Lease make_lease(const Terms& terms, const Grant& grant) {
    const auto& [id, duration, max_tenure, metadata] = terms;
    const auto& [proxy, consumer_id, pool_name, fencing_token, now] = grant;
    return {.id = id,
            .proxy_id = proxy.id,
            .consumer_id = consumer_id,
            .pool_id = proxy.pool_id,
            .pool_name = std::string(pool_name),
            .acquired_at = now,
            .expires_at = now + duration,
            .fencing_token = fencing_token,
            .tenure_ends_at = max_tenure ? std::optional<Timestamp>(now + *max_tenure) : std::nullopt,
            .metadata = metadata};
}

}  // namespace

Lease make_lease(const AcquireRequest& request, const Grant& grant) {
    const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                 wait, lease_id_is_new] = request;
    static_cast<void>(std::tie(pool, consumer, filters, selector, allow_slow, wait,
                               lease_id_is_new));  // used before the grant
    return make_lease(
        Terms{.id = lease_id, .duration = duration, .max_tenure = max_tenure, .metadata = metadata}, grant);
}

Lease make_lease(const CreateLeaseRequest& request, const Grant& grant) {
    const auto& [proxy_id, consumer, duration, lease_id, metadata, allow_slow, max_tenure] = request;
    static_cast<void>(std::tie(proxy_id, consumer, allow_slow));  // used before the grant
    return make_lease(
        Terms{.id = lease_id, .duration = duration, .max_tenure = max_tenure, .metadata = metadata}, grant);
}

Replay decide_replay(const Lease& as_of_now, const ReplayFacts& facts, Timestamp now, Duration retention) {
    if (is_forgotten(as_of_now, now, retention)) return Replay::forgotten;
    if (!facts.same_consumer) return Replay::other_consumer;
    if (as_of_now.status == LeaseStatus::released) return Replay::lease_ended;
    return facts.same_pool ? Replay::same_lease : Replay::other_pool;
}

void throw_refusal(Replay replay, LeaseId id, bool ended_throws) {
    switch (replay) {
        case Replay::forgotten:
        case Replay::same_lease:
            return;
        case Replay::lease_ended:
            if (ended_throws) throw LeaseEndedError(id);
            return;
        case Replay::other_consumer:
            throw ConflictError("lease_id", id.to_string(), "was used by another consumer");
        case Replay::other_pool:
            throw ConflictError("lease_id", id.to_string(), "was used for another pool");
    }
}

Create decide_create(const CreateFacts& facts, bool allow_slow) noexcept {
    if (!facts.proxy) return Create::no_proxy;
    if (!facts.consumer_known) return Create::no_consumer;
    if (!is_leasable(*facts.proxy, allow_slow)) return Create::not_active;
    return facts.full ? Create::full : Create::grant;
}

void throw_refusal(Create create, const CreateLeaseRequest& request) {
    switch (create) {
        case Create::no_proxy:
            throw ProxyNotFoundError(request.proxy_id);
        case Create::no_consumer:
            throw ConsumerNotFoundError(request.consumer);
        case Create::not_active:
            throw ProxyUnavailableError(request.proxy_id, "it is not active");
        case Create::full:
            throw ProxyUnavailableError(request.proxy_id, "it has as many leases as it may have");
        case Create::grant:
            return;
    }
}

Miss decide_miss(const MissFacts& facts) noexcept {
    if (!facts.pool_known) return Miss::pool_unknown;
    // The predicate may refuse the full proxies, and has refused the others.
    if (facts.any_full) return facts.has_predicate ? Miss::none_available : Miss::all_busy;
    return facts.any_free && !facts.has_predicate ? Miss::none_available : Miss::nothing_matches;
}

std::optional<Timestamp> renewed_until(const Lease& as_of_now, Duration duration, Timestamp now) noexcept {
    const Lease& lease = as_of_now;
    if (lease.status == LeaseStatus::released) return std::nullopt;
    if (!lease.tenure_ends_at) return std::max<Timestamp>(lease.expires_at, now + duration);
    if (lease.expires_at >= *lease.tenure_ends_at) return std::nullopt;
    return std::min(*lease.tenure_ends_at, std::max<Timestamp>(lease.expires_at, now + duration));
}

void end(Lease& lease, Timestamp at, ReleaseReason reason) noexcept {
    lease.status = LeaseStatus::released;
    lease.released_at = at;
    lease.release_reason = reason;
}

}  // namespace pharox::rules
