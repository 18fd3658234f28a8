// acquire_many: as many acquires as are asked for in one round trip and one transaction.
#include "acquire_ask.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {

AcquireManyResult Leasing::acquire_at_once(const AcquireManyRequest& request) {
    const Ask ask(request.each, "acquire_many");
    AcquireManyResult result;
    if (!ask.plan.exact()) return result;
    std::vector<LeaseId> ids = request.lease_ids;
    while (ids.size() < request.count) ids.push_back(LeaseId::make());
    std::vector<UuidBytes> all;
    for (const LeaseId& id : ids) all.push_back(id.bytes());
    const std::string sql =
        database_.in_schema(request.distinct ? ask.plan.acquire_other() : ask.plan.acquire_any(true));
    std::vector<Statement> each;
    for (const LeaseId& id : ids) {
        Parameters own = ask.parameters(id);
        if (request.distinct) own.add(std::span<const UuidBytes>(all));
        each.push_back({&sql, ask.with_filter(std::move(own)), ask.plan.plan()});
    }
    // No error of a batch names one lease: those that it makes have the ids that were given, or end by
    // expiry.
    const Operation operation{.name = ask.operation.name};
    bool due = false;
    int attempts = 0;
    database_.run(operation, Repeat::always, [&](Connection& connection) {
        ++attempts;
        result.leased.clear();
        try {
            // Rows that others have locked are left out, so nothing here waits while it holds something.
            const std::vector<Rows> answers = connection.execute_all(each);
            for (std::size_t i = 0; i < answers.size(); ++i) {
                if (answers[i].size() == 0) continue;
                due = due || Ask::is_due(answers[i]);
                result.leased.push_back(ask.leased(answers[i], ids[i]));
            }
        } catch (const ServerError& error) {
            // All of it was undone. One by one it will be told which.
            if (!is_lease_id_taken(error) && !is_consumer_missing(error)) throw;
        }
    });
    if (attempts > 1) result.leased = made_by(ask, ids);
    Expired expired(reports_);
    if (due) collect_into(expired, operation);
    result.expired = expired.take();
    return result;
}

/// The leases under these ids that this call made, also by an attempt whose answer was lost.
std::vector<LeasedProxy> Leasing::made_by(const Ask& ask, const std::vector<LeaseId>& ids) {
    std::vector<LeasedProxy> made;
    for (const LeaseId& id : ids) {
        try {
            auto leased = replay({.name = ask.operation.name, .lease = id}, id, ask.consumer, ask.call);
            if (leased && !leased->replayed) made.push_back(*std::move(leased));
        } catch (const ConflictError&) {
            continue;  // one by one it will be told
        } catch (const LeaseEndedError&) {
            continue;
        }
    }
    return made;
}

}  // namespace pharox::postgres
