// Release, renewal, cleanup, and the reading of leases.
#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "lease_ends.hpp"
#include "leasing.hpp"
#include "pharox/rules/catalog.hpp"
#include "pharox/rules/leases.hpp"
#include "pharox/rules/retention.hpp"

namespace pharox::sqlkit {

namespace {

constexpr unsigned ends_between_prunings = 256;

}  // namespace

ReleaseResult Leasing::release(const ReleaseRequest& request) {
    return end_now(request.lease_id, ReleaseReason::released,
                   {.name = "release_lease",
                    .lease = request.lease_id,
                    .ends_or_renews = std::span(&request.lease_id, 1)});
}

ReleaseResult Leasing::revoke_lease(const RevokeRequest& request) {
    return end_now(request.lease_id, ReleaseReason::revoked,
                   {.name = "revoke_lease",
                    .lease = request.lease_id,
                    .ends_or_renews = std::span(&request.lease_id, 1)});
}

ReleaseResult Leasing::end_now(LeaseId id, ReleaseReason reason, const Operation& operation) {
    const auto transaction = store_.write(operation);
    ReleaseResult result = end_now(*transaction, id, reason);
    if (!result.released) return result;
    prune_sometimes(*transaction, 1);
    transaction->commit();
    return result;
}

ReleaseResult Leasing::end_now(LeaseTransaction& transaction, LeaseId id, ReleaseReason reason) {
    std::optional<LeaseToEnd> stored = transaction.lease_to_end(id);
    if (!stored) return {};
    const Timestamp now = transaction.now();
    std::optional<Lease> lease =
        rules::as_remembered(std::move(stored->lease), now, store_.retention().leases);
    if (!lease) return {};
    if (lease->status == LeaseStatus::released) return {.released = false, .lease = std::move(lease)};
    rules::end(*lease, now, reason);
    transaction.end_lease(*lease, stored->opens);
    transaction.makes_available(lease->pool_name);
    return {.released = true, .lease = std::move(lease)};
}

void Leasing::prune_sometimes(LeaseTransaction& transaction, unsigned count) {
    const unsigned before = ended_.fetch_add(count, std::memory_order_relaxed);
    const unsigned to_next = (ends_between_prunings - before % ends_between_prunings) % ends_between_prunings;
    if (to_next >= count) return;
    // Twice as many as have ended since the last time.
    prune(transaction, store_.retention(), std::int64_t{2} * std::max(count, ends_between_prunings));
}

CleanupResult Leasing::cleanup(const CleanupRequest& request) {
    Expired expired(reports_);
    CleanupResult result;
    const auto count = [&] {
        std::vector<Lease> leases = expired.take();
        result.count += static_cast<std::int64_t>(leases.size());
        if (!request.collect) return;
        result.leases.insert(result.leases.end(), std::make_move_iterator(leases.begin()),
                             std::make_move_iterator(leases.end()));
    };
    for (bool more = true; more;) {
        const auto transaction = store_.write({.name = "cleanup_expired_leases"});
        std::vector<Lease> ended;
        more = collect_expired(*transaction, store_.retention(), collect_batch, ended);
        if (prune(*transaction, store_.retention(), collect_batch) == collect_batch) more = true;
        if (transaction->prune_health_records(collect_batch) == collect_batch) more = true;
        transaction->commit();
        expired.add(std::move(ended));
        count();
    }
    // First the expired leases that a removal ended and that no call has reported.
    std::ranges::sort(result.leases, {},
                      [](const Lease& lease) { return std::pair(lease.expires_at, lease.id); });
    return result;
}

PoolStats Leasing::pool_stats(const PoolStatsRequest& request) {
    return store_.read({.name = "get_pool_stats"})->pool_stats(request.pool);
}

RenewResult Leasing::renew_lease(const RenewRequest& request) {
    validate_lease_duration(request.duration);
    const auto transaction = store_.write({.name = "renew_lease",
                                           .lease = request.lease_id,
                                           .ends_or_renews = std::span(&request.lease_id, 1)});
    RenewResult result = renew_in(*transaction, request);
    if (result.renewed) transaction->commit();
    return result;
}

std::vector<RenewResult> Leasing::renew_many(const std::vector<RenewRequest>& requests) {
    for (const RenewRequest& request : requests) validate_lease_duration(request.duration);
    std::vector<RenewResult> results;
    if (requests.empty()) return results;
    results.reserve(requests.size());
    std::vector<LeaseId> ids;
    std::ranges::transform(requests, std::back_inserter(ids), &RenewRequest::lease_id);
    const auto transaction = store_.write({.name = "renew_many", .ends_or_renews = ids});
    for (const RenewRequest& request : requests) results.push_back(renew_in(*transaction, request));
    transaction->commit();
    return results;
}

RenewResult Leasing::renew_in(LeaseTransaction& transaction, const RenewRequest& request) {
    const Timestamp now = transaction.now();
    std::optional<Lease> stored = transaction.lease(request.lease_id);
    if (!stored) return {};
    std::optional<Lease> lease = rules::as_remembered(*std::move(stored), now, store_.retention().leases);
    if (!lease) return {};
    const std::optional<Timestamp> until = rules::renewed_until(*lease, request.duration, now);
    if (!until) return {.renewed = false, .lease = std::move(lease)};
    lease->expires_at = *until;
    transaction.set_expiry(*lease);
    return {.renewed = true, .lease = std::move(lease)};
}

std::optional<Lease> Leasing::get_lease(const GetLeaseRequest& request) {
    const auto transaction = store_.read({.name = "get_lease", .lease = request.lease_id});
    const Timestamp now = transaction->now();
    std::optional<Lease> stored = transaction->lease(request.lease_id);
    if (!stored) return std::nullopt;
    return rules::as_remembered(*std::move(stored), now, store_.retention().leases);
}

Page<Lease> Leasing::list_leases(const ListLeasesRequest& request) {
    validate(request);
    const auto transaction = store_.read({.name = "list_leases"});
    const Timestamp now = transaction->now();
    std::vector<Lease> leases =
        transaction->list_leases(request, rules::forgotten_until(now, store_.retention().leases));
    for (Lease& lease : leases) lease = as_of(std::move(lease), now);
    return rules::page_by_id(std::move(leases), request.limit);
}

}  // namespace pharox::sqlkit
