#include <utility>

#include "acquirer.hpp"
#include "candidates.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {

namespace {

/// After so many diagnoses that each found a proxy which then could not be leased, the counters are wrong.
constexpr int most_diagnoses = 10'000;
/// So many are made even if the deadline is over: a call loses some races although it waits for nothing.
constexpr int diagnoses_despite_deadline = 10;
/// A proxy that another transaction locks for longer is given up for another one.
constexpr std::chrono::milliseconds longest_lock_wait(1'000);

bool may_wait_for_a_lock(Pick pick) { return pick == Pick::acquire_waiting || pick == Pick::acquire_by_id; }

}  // namespace

AcquireResult Acquirer::acquire(const AcquireRequest& request) {
    PreparedAcquire acquire(request, "acquire");
    Expired expired(reports_);
    const ContentionSpreading::Call executing(spreading_);
    std::optional<AcquireResult> result;
    if (acquire.plan.exact()) result = attempt_spread(acquire);
    if (!result) result = acquire_or_diagnose(acquire, expired);
    if (acquire.any_expired) collector_.collect_sometimes(acquire.operation, expired);
    result->expired = expired.take();
    return *std::move(result);
}

AcquireResult Acquirer::acquire_or_diagnose(PreparedAcquire& acquire, Expired& expired) {
    const bool exact = acquire.plan.exact();
    std::optional<AcquireResult> result;
    bool tried_despite_expired = false;
    for (int diagnoses = 0; !result; ++diagnoses) {
        // Each diagnosis that finds a proxy which then cannot be leased means that another call was faster.
        if (diagnoses == most_diagnoses)
            fail(acquire.operation, "proxies look available and cannot be leased: call repair()", true);
        if (acquire.operation.is_overdue()) {
            if (acquire.lock_timed_out)
                fail(acquire.operation, "other transactions lock the proxies that are available", true);
            if (diagnoses >= diagnoses_despite_deadline)
                fail(acquire.operation, "other calls lease the proxies that are available first", true);
        }
        const MissDiagnosis miss = diagnose_miss(acquire, false);
        const bool available = miss.active || miss.slow;
        if (!miss.pool) {
            result = rules::decide_miss({});
        } else if (miss.lease_known) {
            result = replay(acquire);
        } else if (miss.expired_matches && (diagnoses == 0 || !(miss.active && exact))) {
            // The expired lease may be on the very proxy that comes first, or that a predicate would accept.
            // The call waits for other transactions only if no other proxy is available.
            expired.add(collector_.collect(acquire.operation, !(miss.active && exact)));
            if (exact) result = attempt_unlocked(acquire, true);
        } else if (!acquire.plan.is_ready(miss.complete_keys) && (available || !exact)) {
            // Not for a miss, which would wait for the backfill.
            sort_keys_.complete(acquire.operation, *miss.pool, acquire.plan.sort_keys());
            if (exact) result = attempt_unlocked(acquire, false);
        } else if (!exact) {
            result = attempt_by_predicate(acquire, *miss.pool);
        } else if (available && !tried_despite_expired && (miss.any_expired || !miss.active)) {
            // The expired leases that made the first attempt fail are on proxies that do not match.
            tried_despite_expired = true;
            result = attempt_unlocked(acquire, true);
        } else if (miss.active) {
            result = attempt_waiting(acquire, ProxyStatus::active);
        } else if (miss.slow) {
            result = attempt_waiting(acquire, ProxyStatus::slow);
        } else {
            result =
                rules::decide_miss({.pool_known = true, .any_full = miss.full, .any_free = miss.weightless});
        }
    }
    return *std::move(result);
}

std::optional<AcquireResult> Acquirer::attempt_unlocked(PreparedAcquire& acquire, bool despite_expired) {
    return attempt(acquire,
                   acquire.plan.allow_slow() ? Pick::acquire_unlocked_or_slow : Pick::acquire_unlocked,
                   acquire.with_filter(acquire.parameters().add(despite_expired)));
}

std::optional<AcquireResult> Acquirer::attempt_waiting(PreparedAcquire& acquire, ProxyStatus status) {
    auto result = attempt(acquire, Pick::acquire_waiting,
                          acquire.with_filter(acquire.parameters().add(static_cast<std::int16_t>(status))));
    // Another proxy may have become available meanwhile.
    if (!result && acquire.lock_timed_out) result = attempt_unlocked(acquire, true);
    return result;
}

std::optional<AcquireResult> Acquirer::attempt_spread(PreparedAcquire& acquire) {
    if (!acquire.plan.any_offset_will_do()) return attempt_unlocked(acquire, false);
    serverkit::CircuitBreaker& breaker = batches_.breaker_of(acquire);
    if (!breaker.closed()) return attempt_unlocked(acquire, false);
    BatchedLeaseCall call(acquire);
    std::optional<AcquireResult> result;
    bool started_at_first = false;
    batches_.execute(call, [&] {
        const int offset = spreading_.offset();
        started_at_first = offset == 0;
        result = started_at_first
                     ? attempt_unlocked(acquire, false)
                     : attempt(acquire, Pick::acquire_at_offset,
                               acquire.with_filter(acquire.parameters().add(std::int64_t{offset})));
    });
    if (call.unavailable) fail(acquire.operation, *call.unavailable, false);
    if (started_at_first) return result;
    if (call.leased) {
        acquire.any_expired = call.any_expired;
        result = AcquireResult(*std::move(call.leased));
    }
    breaker.report(result ? 1 : 0, result ? 0 : 1);
    if (result) return result;
    acquire.call = call.call;
    acquire.in_doubt = acquire.in_doubt || call.in_doubt;
    return attempt_unlocked(acquire, false);
}

std::optional<AcquireResult> Acquirer::attempt(PreparedAcquire& acquire, Pick pick,
                                               const Parameters& parameters) {
    const auto statement = statements_.text(pick, acquire.plan);
    for (;;) {
        bool consumer_missing = false;
        bool lease_id_taken = false;
        std::optional<LeasedProxy> leased = database_.run(
            acquire.operation, Repeat::always, [&](Connection& connection) -> std::optional<LeasedProxy> {
                try {
                    const Rows rows = may_wait_for_a_lock(pick)
                                          ? execute_until_deadline(connection, acquire.operation,
                                                                   {.sql = statement.get(),
                                                                    .parameters = parameters,
                                                                    .plan = acquire.plan.plan()},
                                                                   longest_lock_wait)
                                          : connection.execute(*statement, parameters, acquire.plan.plan());
                    if (rows.size() == 0) return std::nullopt;
                    acquire.any_expired = PreparedAcquire::saw_expired(rows);
                    return acquire.leased(rows, acquire.request.lease_id);
                } catch (const ServerError& error) {
                    lease_id_taken = is_lease_id_taken(error);
                    consumer_missing = is_consumer_missing(error);
                    acquire.lock_timed_out = is_lock_timeout(error);
                    if (!lease_id_taken && !consumer_missing && !acquire.lock_timed_out) throw;
                    return std::nullopt;
                }
            });
        if (leased) return AcquireResult(*std::move(leased));
        if (!lease_id_taken && !consumer_missing) return std::nullopt;
        if (auto result = replay(acquire)) return result;
        if (consumer_missing) throw ConsumerNotFoundError(acquire.request.consumer);
    }
}

std::optional<AcquireResult> Acquirer::attempt_by_predicate(PreparedAcquire& acquire, PoolId pool) {
    std::optional<AcquireResult> result;
    const Tried tried = try_candidates(
        database_, statements_, acquire.operation, acquire.plan, acquire.request.filters, pool,
        [&](const Candidate& candidate) {
            result = attempt(
                acquire, Pick::acquire_by_id,
                acquire.with_filter(
                    acquire.parameters().add(candidate.id).add(candidate.revision).add(candidate.status)));
            return result.has_value();
        });
    if (tried != Tried::none) return result;
    const MissDiagnosis miss = diagnose_miss(acquire, true);
    if (miss.lease_known) {
        if (auto known = replay(acquire)) return known;
    }
    return rules::decide_miss(
        {.pool_known = miss.pool.has_value(), .any_full = miss.full, .has_predicate = true});
}

Acquirer::MissDiagnosis Acquirer::diagnose_miss(const PreparedAcquire& acquire, bool look_for_full) {
    const Rows rows = database_.run(acquire.operation, Repeat::always, [&](Connection& connection) {
        Parameters parameters;
        parameters.add(acquire.request.pool)
            .add(acquire.request.lease_id)
            .add(acquire.plan.allow_slow())
            .add(look_for_full)
            .add(acquire.plan.selector() == Selector::weighted_random);
        acquire.plan.add_filter(parameters);
        return connection.execute(*statements_.text(Pick::diagnose_miss, acquire.plan), parameters,
                                  acquire.plan.plan());
    });
    if (rows.is_null(0, 0)) return {};
    watch_.next_expiry_is_in(acquire.request.pool,
                             rows.is_null(0, 9) ? std::nullopt : std::optional(Duration(rows.integer(0, 9))));
    return {.pool = rows.id<PoolId>(0, 0),
            .complete_keys = static_cast<int>(rows.integer(0, 1)),
            .lease_known = rows.flag(0, 2),
            .expired_matches = rows.flag(0, 3),
            .any_expired = rows.flag(0, 4),
            .active = rows.flag(0, 5),
            .slow = rows.flag(0, 6),
            .full = rows.flag(0, 7),
            .weightless = rows.flag(0, 8)};
}

std::optional<AcquireResult> Acquirer::replay(const PreparedAcquire& acquire) {
    return replay(acquire.operation, acquire.request.lease_id, acquire.request.consumer, acquire.call,
                  acquire.request.pool, std::nullopt);
}

std::optional<AcquireResult> Acquirer::replay(const Operation& operation, LeaseId id,
                                              const std::string& consumer, std::int64_t call,
                                              const std::optional<std::string>& pool,
                                              std::optional<ProxyId> proxy) {
    const Rows rows = database_.run(operation, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.text(sql::recorded_lease),
                                  Parameters().add(id).add(consumer).add(call).add(pool).add(
                                      proxy ? std::optional(proxy->bytes()) : std::nullopt));
    });
    if (rows.size() == 0) return std::nullopt;
    constexpr int lease_column = 4;
    constexpr int proxy_column = lease_column + lease_column_count;
    const Timestamp now = rows.time(0, 0);
    const Lease lease = as_of(read_lease(rows, 0, lease_column), now);
    rules::Replay answer =
        rules::decide_replay(lease, {.same_consumer = rows.flag(0, 1), .same_pool = rows.flag(0, 2)}, now,
                             database_.options().retention);
    if (answer == rules::Replay::forgotten) {
        Expired expired(reports_);  // the next answer reports them
        expired.add(collector_.collect(operation, true));
        database_.run(operation, Repeat::always, [&](Connection& connection) {
            connection.execute(database_.text(sql::forget_lease),
                               Parameters().add(id).add(std::int64_t{database_.options().retention.count()}));
        });
        return std::nullopt;
    }
    if (answer == rules::Replay::same_lease && rows.is_null(0, proxy_column))
        answer = rules::Replay::lease_ended;  // the proxy was removed
    rules::throw_refusal(answer, id, proxy.has_value());
    if (answer == rules::Replay::lease_ended) return AcquireResult(Miss::lease_ended);
    AcquireResult result(LeasedProxy(read_proxy(rows, 0, proxy_column), lease));
    result.replayed = !rows.flag(0, 3);  // a statement of this call, whose answer was lost, is no replay
    return result;
}

}  // namespace pharox::postgres
