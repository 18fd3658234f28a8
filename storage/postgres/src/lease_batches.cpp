#include "lease_batches.hpp"

#include <algorithm>

namespace pharox::postgres {

namespace {

std::vector<UuidBytes> ids_of(const auto& calls) {
    std::vector<UuidBytes> ids;
    for (const auto* const call : calls) ids.push_back(call->id.bytes());
    return ids;
}

SteadyTime deadline_of(const BatchedLeaseCall& call) {
    return call.acquire == nullptr ? SteadyTime::max() : call.acquire->operation.deadline;
}

/// A row that cannot be read is left out: its call is executed alone and reports the error.
template <class Read>
void each_row(const Rows& rows, Read read) {
    for (int row = 0; row < rows.size(); ++row) {
        try {
            read(row);
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): see above
        }
    }
}

}  // namespace

/// One statement for the releases, then one for the acquires, so that what the first frees can be leased.
/// None waits for a proxy or a lease that another transaction has locked, but an acquire waits for a lease of
/// its id that is being inserted elsewhere. If that makes a cycle, the server refuses the batch, or what it
/// waits for, after its deadlock_timeout.
void LeaseBatches::execute_batch(Calls calls) {
    std::ranges::sort(calls, {}, [](const BatchedLeaseCall* call) { return call->id; });
    // A second call with the same lease id is executed alone, afterwards.
    const auto same_id = [](const auto* left, const auto* right) { return left->id == right->id; };
    calls.erase(std::ranges::unique(calls, same_id).begin(), calls.end());
    const std::int64_t key = new_call_key();
    Calls releases;
    Calls acquires;
    for (BatchedLeaseCall* const call : calls) {
        call->call = key;
        call->in_doubt = true;  // also if there is no memory for what follows
        (call->acquire == nullptr ? releases : acquires).push_back(call);
    }

    std::vector<Statement> statements;
    if (!releases.empty()) {
        const bool one = releases.size() == 1;
        Parameters own;
        one ? own.add(releases.front()->id) : own.add(std::span<const UuidBytes>(ids_of(releases)));
        own.add(static_cast<std::int16_t>(ReleaseReason::released)).add(key);
        statements.push_back(
            {one ? &database_.text(sql::end_lease_unlocked) : &database_.text(sql::end_leases_unlocked),
             std::move(own)});
    }
    std::shared_ptr<const std::string> acquire_text;
    if (!acquires.empty()) {
        const bool one = acquires.size() == 1;
        const PreparedAcquire& first = *acquires.front()->acquire;
        Parameters own = one ? first.parameters(acquires.front()->id, key)
                             : first.parameters(std::span<const UuidBytes>(ids_of(acquires)), key);
        own.add(std::int64_t{spreading_.batch_offset(acquires.size())});
        acquire_text = statements_.text(one ? Pick::acquire_at_offset : Pick::acquire_batch, first.plan);
        statements.push_back({acquire_text.get(), first.with_filter(std::move(own))});
    }

    const SteadyTime deadline =
        deadline_of(**std::ranges::min_element(calls, {}, [](const auto* one) { return deadline_of(*one); }));
    using Outcome = Database::Outcome;
    Outcome outcome = Outcome::not_done;
    std::vector<Rows> answers;
    try {
        outcome = database_.try_once(
            [&](Connection& connection) { answers = connection.execute_all(statements); }, deadline);
    } catch (const ConnectionLost& none) {
        // The first deadline ended the batch: the calls that may wait longer are executed alone.
        const SteadyTime now = std::chrono::steady_clock::now();
        for (BatchedLeaseCall* const call : calls) {
            if (now < deadline || deadline_of(*call) <= now) call->unavailable = none;
        }
    }
    for (BatchedLeaseCall* const call : calls) call->in_doubt = outcome == Outcome::in_doubt;
    if (outcome != Outcome::done) return;
    if (!releases.empty()) read_ended(releases, answers.front());
    if (!acquires.empty()) read_leased(acquires, answers.back());
}

void LeaseBatches::read_ended(const Calls& releases, const Rows& rows) {
    each_row(rows, [&](int row) {
        Lease lease = read_lease(rows, row, 0);
        const auto call =
            std::ranges::find(releases, lease.id, [](const BatchedLeaseCall* one) { return one->id; });
        (*call)->ended = std::move(lease);
    });
}

void LeaseBatches::read_leased(const Calls& acquires, const Rows& rows) {
    each_row(rows, [&](int row) {
        const std::int64_t number = acquires.size() == 1 ? 1 : rows.integer(row, leased_number_column);
        BatchedLeaseCall& call = *acquires.at(static_cast<std::size_t>(number - 1));
        call.leased = call.acquire->leased(rows, call.id, row);
        call.any_expired = PreparedAcquire::saw_expired(rows, row);
    });
}

}  // namespace pharox::postgres
