// The answer to a lease id that is recorded already.
#pragma once

#include <type_traits>

#include "lease_ends.hpp"
#include "leasing.hpp"
#include "pharox/rules/leases.hpp"

namespace pharox::sqlkit {

template <class Request>
std::optional<AcquireResult> Leasing::replay(LeaseTransaction& transaction, const Request& request,
                                             std::optional<PoolId> pool, std::optional<ConsumerId> consumer,
                                             std::vector<Lease>& ended) {
    const LeaseId id = request.lease_id;
    std::optional<Lease> stored = transaction.lease(id);
    if (!stored) return std::nullopt;
    const Timestamp now = transaction.now();
    const Lease lease = as_of(*stored, now);
    const rules::Replay answer = rules::decide_replay(
        lease, {.same_consumer = consumer == lease.consumer_id, .same_pool = !pool || *pool == lease.pool_id},
        now, store_.retention().leases);
    rules::throw_refusal(answer, id, std::is_same_v<Request, CreateLeaseRequest>);
    if (answer == rules::Replay::forgotten) {
        if (stored->status == LeaseStatus::active) {
            end_lease(transaction, *stored, stored->expires_at, ReleaseReason::expired);
            ended.push_back(*stored);
        }
        transaction.delete_ended_lease(id);
        return std::nullopt;
    }
    if (answer == rules::Replay::lease_ended) return AcquireResult(Miss::lease_ended);
    AcquireResult result(LeasedProxy(transaction.proxy_of(lease), lease));
    result.replayed = true;
    return result;
}

}  // namespace pharox::sqlkit
