#include <utility>

#include "acquirer.hpp"

namespace pharox::postgres {

namespace {

constexpr int created_proxy_column = 7;

}  // namespace

LeasedProxy Acquirer::create_lease(const CreateLeaseRequest& request) {
    const LeaseId id = request.lease_id;
    const Operation operation{.name = "create_lease", .lease = id};
    Expired expired(reports_);
    const std::int64_t call = new_call_key();
    Parameters parameters;
    parameters.add(id)
        .add(request.consumer)
        .add(std::int64_t{request.duration.count()})
        .add(count_of(request.max_tenure))
        .add(request.metadata)
        .add(call)
        .add(request.proxy_id)
        .add(request.allow_slow);
    for (;;) {
        const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
            for (;;) {
                try {
                    return connection.execute(database_.text(sql::create_lease), parameters);
                } catch (const ServerError& error) {
                    if (!is_lease_id_taken(error)) throw;
                }
            }
        });
        if (rows.flag(0, 2)) {
            auto replayed = replay(operation, id, request.consumer, call, std::nullopt, request.proxy_id);
            if (!replayed) continue;
            LeasedProxy leased = std::move(*replayed).leased();
            leased.replayed = replayed->replayed;
            leased.expired = expired.take();
            return leased;
        }
        const bool any_expired = rows.flag(0, 3);
        rules::CreateFacts facts{.consumer_known = !rows.is_null(0, 1),
                                 .full = rows.is_null(0, created_proxy_column)};
        if (!rows.is_null(0, 0)) facts.proxy = static_cast<ProxyStatus>(rows.integer(0, 4));
        const rules::Create answer = rules::decide_create(facts, request.allow_slow);
        if (answer == rules::Create::full && any_expired) {
            expired.add(collector_.collect(operation, true));
            continue;
        }
        rules::throw_refusal(answer, request);
        Proxy proxy = read_proxy(rows, 0, created_proxy_column);
        Lease lease =
            rules::make_lease(request, {.proxy = proxy,
                                        .consumer_id = rows.id<ConsumerId>(0, 1),
                                        .pool_name = rows.text(0, created_proxy_column + proxy_column_count),
                                        .fencing_token = rows.integer(0, 6),
                                        .now = rows.time(0, 5)});
        LeasedProxy leased(std::move(proxy), std::move(lease));
        if (any_expired) collector_.collect_sometimes(operation, expired);
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::postgres
