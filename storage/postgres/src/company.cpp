#include "company.hpp"

namespace pharox::postgres {

namespace {

std::vector<UuidBytes> ids_of(const auto& calls) {
    std::vector<UuidBytes> ids;
    for (const auto* const call : calls) ids.push_back(call->id.bytes());
    return ids;
}

/// What cannot be read is told to the one who asked for it, when it asks again.
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

void Leasing::go(InCompany& me, const std::function<void()>& alone) {
    company_.go(me, [&](std::span<InCompany* const> group) {
        if (group.size() == 1) return alone();
        go_together({group.begin(), group.end()});
    });
}

/// Each kind in one statement, releases first, so that what they free can be leased. Neither waits for a
/// proxy or a lease that somebody else has locked, but an acquire does for a lease of its id that is being
/// made or changed elsewhere. Where that makes a circle, the server refuses the trip, or what it waits for,
/// after its deadlock_timeout.
void Leasing::go_together(Group calls) {
    std::ranges::sort(calls, {}, [](const InCompany* call) { return call->id; });
    // Whoever is left goes by itself, behind the other.
    const auto same = [](const InCompany* left, const InCompany* right) { return left->id == right->id; };
    calls.erase(std::ranges::unique(calls, same).begin(), calls.end());
    const std::int64_t key = new_call_key();
    Group releases;
    Group acquires;
    for (InCompany* const call : calls) {
        call->call = key;
        call->in_doubt = true;  // also where there is no memory for what follows
        (call->ask == nullptr ? releases : acquires).push_back(call);
    }

    std::vector<Statement> statements;
    if (!releases.empty()) {
        const bool one = releases.size() == 1;
        Parameters own;
        one ? own.add(releases.front()->id) : own.add(std::span<const UuidBytes>(ids_of(releases)));
        own.add(static_cast<std::int16_t>(ReleaseReason::released)).add(key);
        statements.push_back({one ? &end_one_unlocked_ : &end_unlocked_, std::move(own)});
    }
    std::string filtered;
    std::size_t question = 0;
    int place = 0;
    if (!acquires.empty()) {
        const bool one = acquires.size() == 1;
        const Ask& ask = *acquires.front()->ask;
        question = ask.question();
        place = crowd_.place_of_many(question, acquires.size());
        Parameters own = one ? ask.parameters(ask.lease_id, key)
                             : ask.parameters(std::span<const UuidBytes>(ids_of(acquires)), key);
        own.add(std::int64_t{place});
        const std::string* sql = one ? &acquire_at_place_ : &acquire_together_;
        if (!ask.request.filters.empty()) {
            filtered = database_.in_schema(one ? ask.plan.acquire_at_place() : ask.plan.acquire_together());
            sql = &filtered;
        }
        statements.push_back({sql, ask.with_filter(std::move(own))});
    }

    using Outcome = Database::Outcome;
    Outcome outcome = Outcome::not_done;
    std::vector<Rows> answers;
    try {
        outcome =
            database_.try_once([&](Connection& connection) { answers = connection.execute_all(statements); });
    } catch (const ConnectionLost& none) {
        for (InCompany* const call : calls) call->unavailable = none;
    }
    for (InCompany* const call : calls) call->in_doubt = outcome == Outcome::in_doubt;
    const bool refused = outcome == Outcome::refused;
    if (!acquires.empty() && (refused || outcome == Outcome::done)) crowd_.acquired(question, refused);
    if (outcome != Outcome::done) return;
    if (!releases.empty()) read_ended(releases, answers.front());
    if (!acquires.empty()) read_leased(acquires, place, answers.back());
}

void Leasing::read_ended(const Group& releases, const Rows& rows) {
    each_row(rows, [&](int row) {
        Lease lease = read_lease(rows, row, 0);
        const auto call = std::ranges::find(releases, lease.id, [](const InCompany* one) { return one->id; });
        (*call)->ended = std::move(lease);
    });
    crowd_.released(releases.size(), static_cast<std::size_t>(rows.size()));
}

void Leasing::read_leased(const Group& acquires, int place, const Rows& rows) {
    for (InCompany* const call : acquires) call->place = place;
    each_row(rows, [&](int row) {
        const std::int64_t number = acquires.size() == 1 ? 1 : rows.integer(row, leased_number_column);
        InCompany& call = *acquires.at(static_cast<std::size_t>(number - 1));
        call.place.reset();
        call.leased = call.ask->leased(rows, call.id, row);
        call.due = Ask::is_due(rows);
    });
}

}  // namespace pharox::postgres
