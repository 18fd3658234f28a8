// acquire_many: as many acquires as are asked for in one round trip and one transaction.
#include "acquire_ask.hpp"

namespace pharox::postgres {

AcquireManyResult Leasing::acquire_at_once(const AcquireManyRequest& request) {
    const Ask ask(request.each, "acquire_many");
    AcquireManyResult result;
    if (!ask.plan.exact()) return result;
    std::vector<LeaseId> ids = request.lease_ids;
    while (ids.size() < request.count) ids.push_back(LeaseId::make());
    std::vector<UuidBytes> all;
    for (const LeaseId& id : ids) all.push_back(id.bytes());
    std::vector<Parameters> each;
    for (const LeaseId& id : ids) {
        each.push_back(ask.parameters(id));
        if (request.distinct) each.back().add(std::span<const UuidBytes>(all));
        ask.plan.add_filter(each.back());
    }
    const std::string sql =
        database_.in_schema(request.distinct ? ask.plan.acquire_other() : ask.plan.acquire({}));
    bool due = false;
    database_.run(ask.operation, Repeat::always, [&](Connection& connection) {
        result.leased.clear();
        try {
            // Rows that others have locked are left out, so nothing here waits while it holds something.
            const std::vector<Rows> answers = connection.execute_all(sql, each, ask.plan.plan());
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
    Expired expired(reports_);
    if (due) collect_into(expired, ask.operation);
    result.expired = expired.take();
    return result;
}

}  // namespace pharox::postgres
