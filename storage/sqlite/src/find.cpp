// find_available_proxy: reads only, unless the selector moves what it finds or leases are due.
#include "leasing.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

constexpr Operation finding{.name = "find_available_proxy"};

bool moves_what_it_finds(Selector selector) {
    return selector == Selector::round_robin || selector == Selector::random ||
           selector == Selector::weighted_random;
}

void move_on(WriteTransaction& transaction, Selector selector, const ProxyRow& found) {
    if (selector == Selector::round_robin) {
        transaction.prepare(sql::set_use_sequence)
            .bind(transaction.next_use_sequence())
            .bind(found.proxy.id)
            .run();
    }
    draw_again(transaction, selector, found);
}

}  // namespace

FindResult Leasing::find(const FindRequest& request) {
    const std::vector<PickPlan> plans = plans_for(request.selector, request.filters, request.allow_slow);
    Expired expired(reports_);
    FindResult result;
    if (!plans.front().filter.exact) {
        result.proxy = find_by_predicate(request, plans, expired);
    } else if (moves_what_it_finds(request.selector) || !find_by_reading(request, plans, result.proxy)) {
        for (bool more_due = true; more_due && !result.proxy;) {
            result.proxy = find_once(
                request, expired, more_due,
                [&](WriteTransaction& transaction, PoolId pool) { return pick(transaction, plans, pool); });
        }
    }
    result.expired = expired.take();
    return result;
}

/// Whether reading was enough: not where leases are due.
bool Leasing::find_by_reading(const FindRequest& request, const std::vector<PickPlan>& plans,
                              std::optional<Proxy>& found) {
    ReadTransaction transaction(database_, finding);
    PoolId pool;
    {
        Statement row = transaction.prepare(sql::find_context);
        row.bind(transaction.clock()).bind(request.pool).step();
        if (row.integer(4) != 0) return false;
        if (row.is_null(3)) return true;
        pool = row.id<PoolId>(3);
    }
    if (auto row = pick(transaction, plans, pool)) found = std::move(row->proxy);
    return true;
}

template <class Choose>
std::optional<Proxy> Leasing::find_once(const FindRequest& request, Expired& expired, bool& more_due,
                                        Choose choose) {
    WriteTransaction transaction(database_, finding);
    std::optional<PoolId> pool;
    bool due = false;
    {
        Statement row = transaction.prepare(sql::find_context);
        row.bind(transaction.clock()).bind(request.pool).step();
        transaction.set_state(row.time(0), row.integer(1), row.integer(2));
        if (!row.is_null(3)) pool = row.id<PoolId>(3);
        due = row.integer(4) != 0;
    }
    std::vector<Lease> ended;
    more_due = due && collect_due(transaction, collect_batch, ended);
    std::optional<ProxyRow> row;
    if (pool) row = choose(transaction, *pool);
    if (row) move_on(transaction, request.selector, *row);
    if (row || !ended.empty()) transaction.commit();
    expired.add(std::move(ended));
    if (!row) return std::nullopt;
    return std::move(row->proxy);
}

std::optional<Proxy> Leasing::find_by_predicate(const FindRequest& request,
                                                const std::vector<PickPlan>& plans, Expired& expired) {
    std::optional<PoolId> known;
    for (bool more_due = true; more_due;) {
        find_once(request, expired, more_due, [&](WriteTransaction&, PoolId pool) -> std::optional<ProxyRow> {
            known = pool;
            return std::nullopt;
        });
    }
    if (!known) return std::nullopt;
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        for (const PickPlan& plan : plans) {
            Candidates candidates(database_, plan, *known);
            while (auto candidate = candidates.next()) {
                if (!matches(request.filters, *candidate)) continue;
                bool more_due = false;
                auto found =
                    find_once(request, expired, more_due, [&](WriteTransaction& transaction, PoolId pool) {
                        return pick_unchanged(transaction, plan, pool, *candidate);
                    });
                if (found) return found;
                lost_a_race = true;
            }
        }
    }
    return std::nullopt;
}

}  // namespace pharox::sqlite
