// find_available_proxy: reads only, unless the selector moves what it finds or leases are due.
#include "leasing.hpp"
#include "picking.hpp"
#include "queries.hpp"

namespace pharox::postgres {

namespace {

constexpr Operation finding{.name = "find_available_proxy"};
constexpr int proxy_column = 2;
constexpr int marked_proxy_column = 7;

}  // namespace

FindResult Leasing::find(const FindRequest& request) {
    const PickPlan plan(request.selector, request.filters, request.allow_slow);
    Expired expired(reports_);
    FindResult result;
    for (;;) {
        // What is due is ended first: a find tells the counter too.
        Parameters parameters;
        parameters.add(request.pool);
        plan.add_filter(parameters);
        const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.in_schema(plan.find()), parameters, plan.plan());
        });
        if (rows.flag(0, 1)) {
            expired.add(collect(finding, true));
            continue;
        }
        if (rows.is_null(0, 0) || rows.is_null(0, proxy_column)) break;
        const auto pool = rows.id<PoolId>(0, 0);
        if (!plan.exact()) {
            result.proxy = find_by_predicate(request, plan, pool);
            break;
        }
        if (!plan.moves_what_it_finds()) {
            result.proxy = read_proxy(rows, 0, proxy_column);
            break;
        }
        bool pool_known = true;
        bool due = false;
        result.proxy = find_marking(request, plan, {}, pool_known, due);
        if (result.proxy) break;  // else it went meanwhile: look again
    }
    result.expired = expired.take();
    return result;
}

std::optional<Proxy> Leasing::find_marking(const FindRequest& request, const PickPlan& plan,
                                           const std::optional<Choice>& choice, bool& pool_known, bool& due) {
    Parameters parameters;
    parameters.add(request.pool)
        .add(std::optional<std::string>())
        .add(LeaseId())
        .add(std::optional<std::int64_t>())
        .add(std::optional<std::int64_t>())
        .add(Json())
        .add(std::int64_t{0});
    if (choice) parameters.add(choice->id).add(choice->revision);
    plan.add_filter(parameters);
    const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(choice ? plan.mark_this() : plan.find_and_mark()),
                                  parameters, plan.plan());
    });
    pool_known = !rows.is_null(0, 0);
    due = rows.flag(0, 3);
    if (rows.is_null(0, marked_proxy_column)) return std::nullopt;
    return read_proxy(rows, 0, marked_proxy_column);
}

std::optional<Proxy> Leasing::find_by_predicate(const FindRequest& request, const PickPlan& plan,
                                                PoolId pool) {
    std::optional<Proxy> result;
    for (bool lost_a_race = true; lost_a_race && !result;) {
        lost_a_race = false;
        try_candidates(finding, plan, request.filters, pool, request.allow_slow, [&](const Choice& choice) {
            bool pool_known = true;
            bool due = false;
            result = find_marking(request, plan, choice, pool_known, due);
            lost_a_race = lost_a_race || !result;
            return result.has_value();
        });
    }
    return result;
}

}  // namespace pharox::postgres
