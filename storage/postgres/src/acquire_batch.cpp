// acquire_many.
#include "acquirer.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {

AcquireManyResult Acquirer::acquire_batch(const AcquireManyRequest& request, const AcquireRequest& each) {
    PreparedAcquire acquire(each, "acquire_many");
    AcquireManyResult result;
    if (!acquire.plan.exact()) return result;
    std::vector<LeaseId> ids = request.lease_ids;
    while (ids.size() < request.count) ids.push_back(LeaseId::make());
    std::vector<UuidBytes> all;
    for (const LeaseId& id : ids) all.push_back(id.bytes());
    const bool slow = acquire.plan.allow_slow();
    const Pick any = slow ? Pick::acquire_unlocked_or_slow : Pick::acquire_unlocked;
    const Pick other = slow ? Pick::acquire_other_unlocked_or_slow : Pick::acquire_other_unlocked;
    const auto statement = statements_.text(request.distinct ? other : any, acquire.plan);
    std::vector<Statement> statements;
    for (const LeaseId& id : ids) {
        Parameters own = acquire.parameters(id, acquire.call).add(false);
        if (request.distinct) own.add(std::span<const UuidBytes>(all));
        statements.push_back({statement.get(), acquire.with_filter(std::move(own)), acquire.plan.plan()});
    }
    // No error of a batch names one lease: the leases that it makes have the ids that were given, or end by
    // expiry.
    const Operation operation{.name = acquire.operation.name};
    int attempts = 0;
    database_.run(operation, Repeat::always, [&](Connection& connection) {
        ++attempts;
        result.leased.clear();
        try {
            // Locked rows are left out: no statement waits while the transaction holds locks.
            const std::vector<Rows> answers = connection.execute_all(statements);
            for (std::size_t i = 0; i < answers.size(); ++i) {
                if (answers[i].size() == 0) continue;
                acquire.any_expired = acquire.any_expired || PreparedAcquire::saw_expired(answers[i]);
                result.leased.push_back(acquire.leased(answers[i], ids[i]));
            }
        } catch (const ServerError& error) {
            // All was rolled back. The single calls that follow report which lease it was.
            if (!is_lease_id_taken(error) && !is_consumer_missing(error)) throw;
        }
    });
    if (attempts > 1) result.leased = leased_by(acquire, ids);
    Expired expired(reports_);
    if (acquire.any_expired) collector_.collect_sometimes(operation, expired);
    result.expired = expired.take();
    return result;
}

/// The leases under these ids that this call made, also by an attempt whose answer was lost.
std::vector<LeasedProxy> Acquirer::leased_by(const PreparedAcquire& acquire,
                                             const std::vector<LeaseId>& ids) {
    std::vector<LeasedProxy> leased;
    for (const LeaseId& id : ids) {
        try {
            auto found = replay({.name = acquire.operation.name, .lease = id}, id, acquire.request.consumer,
                                acquire.call, acquire.request.pool, std::nullopt);
            if (found && *found && !found->replayed) leased.push_back(std::move(*found).leased());
        } catch (const ConflictError&) {  // NOLINT(bugprone-empty-catch): a single call reports it
        }
    }
    return leased;
}

}  // namespace pharox::postgres
