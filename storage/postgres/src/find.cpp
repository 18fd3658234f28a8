// find_available_proxy: reads only, unless the selector moves what it finds or leases are due.
#include "leasing.hpp"
#include "picking.hpp"

namespace pharox::postgres {

namespace {

constexpr Operation finding{.name = "find_available_proxy"};
constexpr int found_proxy_column = 3;
constexpr int marked_proxy_column = 2;

}  // namespace

FindResult Leasing::find(const FindRequest& request) {
    const PickPlan plan(request.selector, request.filters, request.allow_slow);
    Expired expired(reports_);
    FindResult result;
    for (int looks = 0;; ++looks) {
        if (looks == most_looks) nothing_can_be_had(finding);
        // What is due is ended first: a find tells the counter too.
        Parameters parameters;
        parameters.add(request.pool);
        plan.add_filter(parameters);
        const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.in_schema(plan.find()), parameters, plan.plan());
        });
        if (rows.flag(0, 2)) {
            expired.add(collect(finding, true));
            continue;
        }
        if (rows.is_null(0, 0)) break;
        const auto pool = rows.id<PoolId>(0, 0);
        if (!plan.is_ready(static_cast<int>(rows.integer(0, 1)))) {
            prepare_orders(finding, pool, plan.orders());
            continue;
        }
        if (rows.is_null(0, found_proxy_column)) break;
        if (!plan.exact()) {
            if (find_by_predicate(request, plan, pool, result.proxy)) break;
            continue;
        }
        Proxy proxy = read_proxy(rows, 0, found_proxy_column);
        if (!plan.moves_what_it_finds()) {
            result.proxy = std::move(proxy);
            break;
        }
        const int availability = proxy.status == ProxyStatus::slow ? 2 : 0;
        result.proxy = find_marking(request, plan, {.availability = availability}, {});
        if (!result.proxy)
            result.proxy = find_marking(request, plan, {.availability = availability, .waits = true}, {});
        if (result.proxy) break;  // else it went meanwhile: look again
    }
    result.expired = expired.take();
    return result;
}

std::optional<Proxy> Leasing::find_marking(const FindRequest& request, const PickPlan& plan, Reach reach,
                                           const std::optional<Choice>& choice) {
    Parameters parameters;
    parameters.add(request.pool);
    if (choice) parameters.add(choice->id).add(choice->revision);
    plan.add_filter(parameters);
    const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
        return connection.execute(
            database_.in_schema(choice ? plan.mark_this(reach) : plan.find_and_mark(reach)), parameters,
            plan.plan());
    });
    if (rows.size() == 0) return std::nullopt;
    return read_proxy(rows, 0, marked_proxy_column);
}

bool Leasing::find_by_predicate(const FindRequest& request, const PickPlan& plan, PoolId pool,
                                std::optional<Proxy>& found) {
    return try_candidates(
               finding, plan, request.filters, pool, request.allow_slow, [&](const Choice& choice) {
                   found = find_marking(request, plan, {.availability = choice.availability, .waits = true},
                                        choice);
                   return found.has_value();
               }) != Tried::lost_a_race;
}

}  // namespace pharox::postgres
