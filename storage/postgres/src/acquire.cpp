// Acquire and create_lease.
#include <utility>

#include "acquire_ask.hpp"
#include "company.hpp"
#include "lease_queries.hpp"
#include "picking.hpp"

namespace pharox::postgres {

namespace {

constexpr int created_proxy_column = 7;
constexpr int slow_room = 2;

}  // namespace

AcquireResult Leasing::acquire(const AcquireRequest& request) {
    const Ask ask(request, "acquire");
    Expired expired(reports_);
    const auto reach = [&](Reach further) {
        return attempt(ask, database_.in_schema(ask.plan.acquire(further)),
                       ask.with_filter(ask.parameters(ask.lease_id)), expired);
    };
    const Crowd::Call in_progress(crowd_);
    std::optional<AcquireResult> result;
    if (ask.plan.exact()) result = attempt_in_company(ask, expired);
    for (int looks = 0; !result; ++looks) {
        // Each look that finds one which cannot be had then means that another caller was faster.
        if (looks == most_looks) nothing_can_be_had(ask.operation);
        const Situation now = look_around(ask, Busy::unless_one_is_free);
        if (!now.pool) {
            result = Miss::pool_unknown;
        } else if (now.lease_known) {
            result = repeated(ask);
        } else if (now.due && (looks == 0 || !(now.free && ask.plan.exact()))) {
            // An expired lease may be on the very proxy that comes first, or that a predicate would take. The
            // call waits for other transactions only if no other proxy is free.
            expired.add(collect(ask.operation, !(now.free && ask.plan.exact())));
            if (ask.plan.exact()) result = attempt_at_once(ask, false, expired);
        } else if (!ask.plan.is_ready(now.orders) && (now.free || now.free_slow || !ask.plan.exact())) {
            // Not for a miss: it would wait for whoever is filling the pool.
            prepare_orders(ask.operation, *now.pool, ask.plan.orders());
            if (ask.plan.exact()) result = attempt_at_once(ask, false, expired);
        } else if (!ask.plan.exact()) {
            result = acquire_by_predicate(ask, *now.pool, expired);
        } else if (now.free) {
            result = reach({.waits = true});
        } else if (now.free_slow) {
            result = reach({.availability = slow_room});
            if (!result) result = reach({.availability = slow_room, .waits = true});
        } else if (now.full) {
            result = Miss::all_busy;
        } else {
            result = now.weightless ? Miss::none_available : Miss::nothing_matches;
        }
    }
    result->expired = expired.take();
    return *std::move(result);
}

void Leasing::nothing_can_be_had(const Operation& operation) {
    fail(operation, "proxies look free and cannot be leased: call repair()", true);
}

std::optional<AcquireResult> Leasing::attempt_at_once(const Ask& ask, bool unless_expired, Expired& expired) {
    const Parameters parameters = ask.with_filter(ask.parameters(ask.lease_id));
    if (ask.request.filters.empty() && !ask.request.allow_slow && unless_expired)
        return attempt(ask, acquire_[static_cast<std::size_t>(ask.request.selector)], parameters, expired);
    return attempt(ask, database_.in_schema(ask.plan.acquire_any(unless_expired)), parameters, expired);
}

std::optional<AcquireResult> Leasing::attempt_at_place(const Ask& ask, int place, Expired& expired) {
    const Parameters parameters = ask.with_filter(ask.parameters(ask.lease_id).add(std::int64_t{place}));
    if (ask.request.filters.empty()) return attempt(ask, acquire_at_place_, parameters, expired);
    return attempt(ask, database_.in_schema(ask.plan.acquire_at_place()), parameters, expired);
}

std::optional<AcquireResult> Leasing::attempt_in_company(const Ask& ask, Expired& expired) {
    if (!ask.plan.has_places()) return attempt_at_once(ask, true, expired);
    const std::size_t question = ask.question();
    InCompany me(ask);
    std::optional<AcquireResult> result;
    bool asked_for_the_first = false;
    const auto go_alone = [&] {
        me.place = crowd_.place(question);
        asked_for_the_first = *me.place == 0;
        result = asked_for_the_first ? attempt_at_once(ask, true, expired)
                                     : attempt_at_place(ask, *me.place, expired);
    };
    if (crowd_.acquires_go_together(question)) {
        go(me, go_alone);
    } else {
        go_alone();
    }
    if (me.unavailable) fail(ask.operation, *me.unavailable, false);
    if (me.leased) {
        if (me.due) collect_into(expired, ask.operation);
        return AcquireResult(*std::move(me.leased));
    }
    if (result || asked_for_the_first) return result;
    if (me.place) crowd_.found_too_few(question, *me.place);
    ask.call = me.call;
    ask.in_doubt = ask.in_doubt || me.in_doubt;
    return attempt_at_once(ask, true, expired);
}

/// One statement: a lease, or nothing where there is nothing to lease, or nothing that can be had at once.
std::optional<AcquireResult> Leasing::attempt(const Ask& ask, const std::string& statement,
                                              const Parameters& parameters, Expired& expired) {
    bool due = false;
    enum class Found { something, lease_id_taken, no_consumer } found = Found::something;
    std::optional<LeasedProxy> leased = database_.run(
        ask.operation, Repeat::always, [&](Connection& connection) -> std::optional<LeasedProxy> {
            try {
                const Rows rows = connection.execute(statement, parameters, ask.plan.plan());
                if (rows.size() == 0) return std::nullopt;
                due = Ask::is_due(rows);
                return ask.leased(rows, ask.lease_id);
            } catch (const ServerError& error) {
                if (is_lease_id_taken(error)) {
                    found = Found::lease_id_taken;
                } else if (is_consumer_missing(error)) {
                    found = Found::no_consumer;
                } else {
                    throw;
                }
                return std::nullopt;
            }
        });
    if (found != Found::something) {
        auto result = repeated(ask);
        if (!result && found == Found::no_consumer) throw ConsumerNotFoundError(ask.consumer);
        return result ? result : attempt(ask, statement, parameters, expired);
    }
    if (!leased) return std::nullopt;
    // What is due holds nobody up, so nobody waits for its end; but somebody has to see to it.
    if (due) collect_into(expired, ask.operation);
    return AcquireResult(*std::move(leased));
}

/// What the lease id was used for before; nothing where nobody remembers it.
std::optional<AcquireResult> Leasing::repeated(const Ask& ask) {
    try {
        auto leased = replay(ask.operation, ask.lease_id, ask.consumer, ask.call);
        if (!leased) return std::nullopt;
        if (leased->lease().pool_name != ask.request.pool) {
            throw ConflictError("lease_id", ask.lease_id.to_string(), "was used for another pool");
        }
        AcquireResult result(*std::move(leased));
        result.replayed = result.leased().replayed;
        return result;
    } catch (const LeaseEndedError&) {
        return AcquireResult(Miss::lease_ended);
    }
}

Leasing::Situation Leasing::look_around(const Ask& ask, Busy busy) {
    const Rows rows = database_.run(ask.operation, Repeat::always, [&](Connection& connection) {
        Parameters parameters;
        parameters.add(ask.request.pool).add(ask.lease_id);
        ask.plan.add_filter(parameters);
        return connection.execute(database_.in_schema(ask.plan.miss(busy)), parameters, ask.plan.plan());
    });
    if (rows.is_null(0, 0)) return {};
    watch_.next_expiry_is_in(
        ask.request.pool, rows.is_null(0, 10) ? std::nullopt : std::optional(Duration(rows.integer(0, 10))));
    return {.pool = rows.id<PoolId>(0, 0),
            .orders = static_cast<int>(rows.integer(0, 1)),
            .lease_known = rows.flag(0, 2),
            .due = rows.flag(0, 3),
            .free = rows.flag(0, 4),
            .free_slow = rows.flag(0, 5),
            .full = rows.flag(0, 6) || rows.flag(0, 7),
            .weightless = rows.flag(0, 8) || rows.flag(0, 9)};
}

std::optional<AcquireResult> Leasing::acquire_by_predicate(const Ask& ask, PoolId pool, Expired& expired) {
    std::optional<AcquireResult> result;
    const Tried tried = try_candidates(
        ask.operation, ask.plan, ask.request.filters, pool, ask.request.allow_slow,
        [&](const Choice& choice) {
            const Reach reach{.availability = choice.availability, .waits = true};
            const Parameters parameters =
                ask.with_filter(ask.parameters(ask.lease_id).add(choice.id).add(choice.revision));
            result = attempt(ask, database_.in_schema(ask.plan.acquire_this(reach)), parameters, expired);
            return result.has_value();
        });
    if (tried != Tried::none) return result;
    // Without asking the predicates of those that are busy, nobody can tell more.
    const Situation now = look_around(ask, Busy::asked_for);
    if (!now.pool) return Miss::pool_unknown;
    if (now.lease_known) {
        if (auto known = repeated(ask)) return known;
    }
    return now.full ? Miss::none_available : Miss::nothing_matches;
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
        if (rows.is_null(0, created_proxy_column)) {
            const auto status = static_cast<ProxyStatus>(rows.integer(0, 4));
            const bool leasable =
                status == ProxyStatus::active || (request.allow_slow && status == ProxyStatus::slow);
            if (!leasable) throw ProxyUnavailableError(request.proxy_id, "it is not active");
            if (!due) throw ProxyUnavailableError(request.proxy_id, "it has as many leases as it may have");
            expired.add(collect(operation, true));
            continue;
        }
        Proxy proxy = read_proxy(rows, 0, created_proxy_column);
        Lease lease =
            new_lease({.id = id,
                       .consumer_id = rows.id<ConsumerId>(0, 1),
                       .pool_name = std::string(rows.text(0, created_proxy_column + proxy_column_count)),
                       .fencing_token = rows.integer(0, 6),
                       .metadata = request.metadata},
                      proxy, rows.time(0, 5), request.duration, request.max_tenure);
        if (due) collect_into(expired, operation);
        LeasedProxy leased(std::move(proxy), std::move(lease));
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::postgres
