// Acquire and create_lease.
#include <utility>

#include "leasing.hpp"
#include "picking.hpp"
#include "queries.hpp"

namespace pharox::postgres {

/// An acquire with its defaults filled in.
struct Leasing::Ask {
    const AcquireRequest& request;
    std::string consumer;
    LeaseId lease_id;
    PickPlan plan;
    Operation operation;
    std::int64_t call = new_call_key();
};

namespace {

constexpr int proxy_column = 7;

Lease new_lease(const Rows& rows, LeaseId id, ConsumerId consumer, const Proxy& proxy, std::string pool_name,
                Duration duration, std::optional<Duration> tenure, const Json& metadata) {
    const Timestamp now = rows.time(0, 5);
    return {.id = id,
            .proxy_id = proxy.id,
            .consumer_id = consumer,
            .pool_id = proxy.pool_id,
            .pool_name = std::move(pool_name),
            .acquired_at = now,
            .expires_at = now + duration,
            .fencing_token = rows.integer(0, 6),
            .tenure_ends_at = tenure ? std::optional<Timestamp>(now + *tenure) : std::nullopt,
            .metadata = metadata};
}

std::optional<std::int64_t> count_of(std::optional<Duration> duration) {
    return duration ? std::optional<std::int64_t>(duration->count()) : std::nullopt;
}

bool is_lease_id_taken(const ServerError& error) {
    return error.is("23505") && error.constraint == "lease_pkey";
}

}  // namespace

AcquireResult Leasing::acquire(const AcquireRequest& request) {
    const LeaseId id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id;
    const Ask ask{
        .request = request,
        .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
        .lease_id = id,
        .plan = PickPlan(request.selector, request.filters, request.allow_slow),
        .operation = {.name = "acquire", .lease = id}};
    Expired expired(reports_);
    std::optional<AcquireResult> result;
    std::optional<PoolId> pool;
    for (bool due = false; !result;) {
        if (ask.plan.exact()) result = attempt(ask, {}, expired, due);
        if (result) break;
        if (const auto miss = kind_of_miss(ask, expired, pool)) {
            result = *miss;
        } else if (!ask.plan.exact()) {
            result = acquire_by_predicate(ask, *pool, expired);
        }
    }
    result->expired = expired.take();
    return *std::move(result);
}

/// One statement: an answer, or nothing where there is nothing to lease.
std::optional<AcquireResult> Leasing::attempt(const Ask& ask, const std::optional<Choice>& choice,
                                              Expired& expired, bool& due) {
    const Picked picked = database_.run(
        ask.operation, Repeat::always, [&](Connection& connection) { return pick(ask, choice, connection); });
    due = picked.due;
    if (!picked.pool_known) return AcquireResult(Miss::pool_unknown);
    if (picked.lease_known) {
        try {
            auto repeated = replay(ask.operation, ask.lease_id, ask.consumer, ask.call);
            if (!repeated) return attempt(ask, choice, expired, due);
            if (repeated->lease().pool_name != ask.request.pool) {
                throw ConflictError("lease_id", ask.lease_id.to_string(), "was used for another pool");
            }
            AcquireResult result(*std::move(repeated));
            result.replayed = result.leased().replayed;
            return result;
        } catch (const LeaseEndedError&) {
            return AcquireResult(Miss::lease_ended);
        }
    }
    if (picked.found && !picked.consumer_known) throw ConsumerNotFoundError(ask.consumer);
    if (!picked.leased) return std::nullopt;
    // What is due holds nobody up, so nobody waits for its end; but somebody has to see to it.
    if (picked.due) collect_into(expired, ask.operation);
    return AcquireResult(*picked.leased);
}

Leasing::Picked Leasing::pick(const Ask& ask, const std::optional<Choice>& choice, Connection& connection) {
    const AcquireRequest& request = ask.request;
    Parameters parameters;
    parameters.add(request.pool)
        .add(ask.consumer)
        .add(ask.lease_id)
        .add(std::int64_t{request.duration.count()})
        .add(count_of(request.max_tenure))
        .add(request.metadata)
        .add(ask.call);
    if (choice) parameters.add(choice->id).add(choice->revision);
    ask.plan.add_filter(parameters);
    const std::string sql = database_.in_schema(choice ? ask.plan.acquire_this() : ask.plan.acquire());
    for (;;) {
        try {
            const Rows rows = connection.execute(sql, parameters, ask.plan.plan());
            Picked picked{.pool_known = !rows.is_null(0, 0),
                          .consumer_known = !rows.is_null(0, 1),
                          .lease_known = rows.flag(0, 2),
                          .due = rows.flag(0, 3),
                          .found = rows.flag(0, 4)};
            if (!rows.is_null(0, proxy_column)) {
                Proxy proxy = read_proxy(rows, 0, proxy_column);
                Lease lease = new_lease(rows, ask.lease_id, rows.id<ConsumerId>(0, 1), proxy, request.pool,
                                        request.duration, request.max_tenure, request.metadata);
                picked.leased.emplace(std::move(proxy), std::move(lease));
            }
            return picked;
        } catch (const ServerError& error) {
            // Another caller with this id was faster: the next look finds its lease.
            if (!is_lease_id_taken(error)) throw;
        }
    }
}

std::optional<AcquireResult> Leasing::acquire_by_predicate(const Ask& ask, PoolId pool, Expired& expired) {
    std::optional<AcquireResult> result;
    bool lost_a_race = true;
    // A repeat is answered before any predicate is asked.
    if (!ask.request.lease_id.is_nil()) {
        bool due = false;
        result = attempt(ask, Choice{}, expired, due);
        if (result) return result;
    }
    while (lost_a_race) {
        lost_a_race = false;
        const bool found = try_candidates(ask.operation, ask.plan, ask.request.filters, pool,
                                          ask.request.allow_slow, [&](const Choice& choice) {
                                              bool due = false;
                                              result = attempt(ask, choice, expired, due);
                                              lost_a_race = lost_a_race || !result;
                                              return result.has_value();
                                          });
        if (found) return result;
    }
    // Without asking the predicates of those that are busy, nobody can tell more.
    const Rows busy = database_.run(ask.operation, Repeat::always, [&](Connection& connection) {
        Parameters parameters;
        parameters.add(ask.request.pool);
        ask.plan.add_filter(parameters);
        return connection.execute(database_.in_schema(ask.plan.miss()), parameters, ask.plan.plan());
    });
    if (busy.is_null(0, 0)) return AcquireResult(Miss::pool_unknown);
    return AcquireResult(busy.flag(0, 3) ? Miss::none_available : Miss::nothing_matches);
}

std::optional<Miss> Leasing::kind_of_miss(const Ask& ask, Expired& expired, std::optional<PoolId>& pool) {
    const Rows rows = database_.run(ask.operation, Repeat::always, [&](Connection& connection) {
        Parameters parameters;
        parameters.add(ask.request.pool);
        ask.plan.add_filter(parameters);
        return connection.execute(database_.in_schema(ask.plan.miss()), parameters, ask.plan.plan());
    });
    if (rows.is_null(0, 0)) return Miss::pool_unknown;
    pool = rows.id<PoolId>(0, 0);
    const bool due = rows.flag(0, 1);
    const bool free = rows.flag(0, 2);
    listener_.next_expiry_is_in(rows.is_null(0, 5) ? std::nullopt
                                                   : std::optional(Duration(rows.integer(0, 5))));
    if (due) expired.add(collect(ask.operation, !free));
    if (due || free || !ask.plan.exact()) return std::nullopt;
    if (rows.flag(0, 3)) return Miss::all_busy;
    return rows.flag(0, 4) ? Miss::none_available : Miss::nothing_matches;
}

std::optional<LeasedProxy> Leasing::replay(const Operation& operation, LeaseId id,
                                           const std::string& consumer, std::int64_t call) {
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::replay),
                                  Parameters().add(id).add(consumer).add(call));
    });
    if (rows.size() == 0) return std::nullopt;
    const Timestamp now = rows.time(0, 0);
    const Lease lease = as_of(read_lease(rows, 0, 3), now);
    if (is_forgotten(lease, now)) {
        collect(operation, true);
        database_.run(operation, Repeat::always, [&](Connection& connection) {
            connection.execute(database_.in_schema(query::forget_lease),
                               Parameters().add(id).add(std::int64_t{database_.options().retention.count()}));
        });
        return std::nullopt;
    }
    if (rows.is_null(0, 1) || rows.id<ConsumerId>(0, 1) != lease.consumer_id) {
        throw ConflictError("lease_id", id.to_string(), "was used by another consumer");
    }
    constexpr int proxy_of_lease = 3 + lease_column_count;
    if (lease.status == LeaseStatus::released || rows.is_null(0, proxy_of_lease)) throw LeaseEndedError(id);
    LeasedProxy repeated(read_proxy(rows, 0, proxy_of_lease), lease);
    repeated.replayed = !rows.flag(0, 2);  // our own statement, whose answer was lost, is no repeat
    return repeated;
}

LeasedProxy Leasing::create_lease(const CreateLeaseRequest& request) {
    const LeaseId id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id;
    const Operation operation{.name = "create_lease", .lease = id};
    Expired expired(reports_);
    const std::int64_t call = new_call_key();
    Parameters parameters;
    parameters.add(std::optional<std::string>())
        .add(request.consumer)
        .add(id)
        .add(std::int64_t{request.duration.count()})
        .add(count_of(request.max_tenure))
        .add(request.metadata)
        .add(call)
        .add(request.proxy_id)
        .add(request.allow_slow);
    const std::string sql = database_.in_schema(query::create_lease);
    for (;;) {
        const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
            for (;;) {
                try {
                    return connection.execute(sql, parameters);
                } catch (const ServerError& error) {
                    if (!is_lease_id_taken(error)) throw;
                }
            }
        });
        const bool due = rows.flag(0, 3);
        if (rows.flag(0, 2)) {
            auto repeated = replay(operation, id, request.consumer, call);
            if (!repeated) continue;
            if (!rows.is_null(0, 0) && rows.id<PoolId>(0, 0) != repeated->lease().pool_id) {
                throw ConflictError("lease_id", id.to_string(), "was used for another pool");
            }
            repeated->expired = expired.take();
            return *std::move(repeated);
        }
        if (rows.is_null(0, 0)) throw ProxyNotFoundError(request.proxy_id);
        if (rows.is_null(0, 1)) throw ConsumerNotFoundError(request.consumer);
        if (rows.is_null(0, proxy_column)) {
            const auto status = static_cast<ProxyStatus>(rows.integer(0, 4));
            const bool leasable =
                status == ProxyStatus::active || (request.allow_slow && status == ProxyStatus::slow);
            if (!leasable) throw ProxyUnavailableError(request.proxy_id, "it is not active");
            if (!due) throw ProxyUnavailableError(request.proxy_id, "it has as many leases as it may have");
            expired.add(collect(operation, true));
            continue;
        }
        Proxy proxy = read_proxy(rows, 0, proxy_column);
        Lease lease = new_lease(rows, id, rows.id<ConsumerId>(0, 1), proxy,
                                std::string(rows.text(0, proxy_column + proxy_column_count)),
                                request.duration, request.max_tenure, request.metadata);
        if (due) collect_into(expired, operation);
        LeasedProxy leased(std::move(proxy), std::move(lease));
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::postgres
