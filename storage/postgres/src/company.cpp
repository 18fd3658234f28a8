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

/// Each kind in one statement, which waits for no row that somebody else has locked: two trips meet only
/// where both make a lease of the same id. Releases go first, so that what they free can be leased.
void Leasing::go_together(const Group& group) {
    Group calls(group);
    // Trips that have ids in common wait for each other in one order.
    std::ranges::sort(calls, {}, [](const InCompany* call) { return call->id; });
    // Whoever is left goes by itself, behind the other.
    const auto same = [](const InCompany* left, const InCompany* right) { return left->id == right->id; };
    calls.erase(std::ranges::unique(calls, same).begin(), calls.end());
    const std::int64_t key = new_call_key();
    Group releases;
    Group acquires;
    for (InCompany* const call : calls) {
        call->call = key;
        (call->ask == nullptr ? releases : acquires).push_back(call);
    }

    std::vector<Statement> statements;
    if (!releases.empty())
        statements.push_back({releases.size() == 1 ? &end_one_unlocked_ : &end_unlocked_, ending(releases)});
    std::string filtered;
    if (!acquires.empty()) {
        const bool one = acquires.size() == 1;
        const Ask& ask = *acquires.front()->ask;
        const int place = crowd_.place_of_many(ask.question(), acquires.size());
        for (InCompany* const call : acquires) call->place = place;
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

    bool in_doubt = false;
    std::optional<std::vector<Rows>> answers;
    try {
        answers = database_.try_once(
            in_doubt, [&](Connection& connection) { return connection.execute_all(statements); });
    } catch (const ConnectionLost& none) {
        for (InCompany* const call : calls) call->unavailable = none;
    }
    for (InCompany* const call : calls) {
        call->in_doubt = in_doubt;
        if (!answers) call->place.reset();  // nobody looked there
    }
    if (!answers) return;
    if (!releases.empty()) read_ended(releases, answers->front());
    if (!acquires.empty()) read_leased(acquires, answers->back());
}

Parameters Leasing::ending(const Group& releases) {
    Parameters parameters;
    if (releases.size() == 1) {
        parameters.add(releases.front()->id);
    } else {
        parameters.add(std::span<const UuidBytes>(ids_of(releases)));
    }
    return parameters.add(static_cast<std::int16_t>(ReleaseReason::released)).add(releases.front()->call);
}

void Leasing::read_ended(const Group& releases, const Rows& rows) {
    each_row(rows, [&](int row) {
        Lease lease = read_lease(rows, row, 0);
        const auto call = std::ranges::find(releases, lease.id, [](const InCompany* one) { return one->id; });
        (*call)->ended = std::move(lease);
    });
    if (2 * static_cast<std::size_t>(rows.size()) < releases.size()) crowd_.released_too_few();
}

void Leasing::read_leased(const Group& acquires, const Rows& rows) {
    each_row(rows, [&](int row) {
        const std::int64_t number = acquires.size() == 1 ? 1 : rows.integer(row, leased_number_column);
        InCompany& call = *acquires.at(static_cast<std::size_t>(number - 1));
        call.place.reset();
        call.leased = call.ask->leased(rows, call.id, row);
        call.due = Ask::is_due(rows);
    });
}

}  // namespace pharox::postgres
