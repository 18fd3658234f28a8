#include "finder.hpp"

#include <utility>

namespace pharox::postgres {

namespace {

constexpr Operation finding{.name = "find_available_proxy"};
constexpr int found_proxy_column = 3;
/// After so many reads that each found a proxy which then could not be moved, the counters are wrong.
constexpr int most_reads = 10'000;

}  // namespace

FindResult Finder::find(const FindRequest& request) {
    const PickPlan plan(request.selector, request.filters, request.allow_slow);
    const auto statement =
        statements_.text(plan.allow_slow() ? Pick::find_active_or_slow : Pick::find_active, plan);
    Parameters parameters;
    parameters.add(request.pool);
    plan.add_filter(parameters);
    Expired expired(reports_);
    FindResult result;
    for (int reads = 0;; ++reads) {
        if (reads == most_reads)
            fail(finding, "proxies look available and cannot be found: call repair()", true);
        const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
            return connection.execute(*statement, parameters, plan.plan());
        });
        // The answer has the proxy's lease count: expired leases are ended first.
        if (rows.flag(0, 2)) {
            expired.add(collector_.collect(finding, true));
            continue;
        }
        if (rows.is_null(0, 0)) break;
        const auto pool = rows.id<PoolId>(0, 0);
        if (!plan.is_ready(static_cast<int>(rows.integer(0, 1)))) {
            sort_keys_.complete(finding, pool, plan.sort_keys());
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
        const Parameters own = Parameters().add(request.pool).add(static_cast<std::int16_t>(proxy.status));
        result.proxy = move(Pick::move_first_unlocked, plan, own);
        if (!result.proxy) result.proxy = move(Pick::move_first_waiting, plan, own);
        if (result.proxy) break;  // otherwise it was leased meanwhile
    }
    result.expired = expired.take();
    return result;
}

std::optional<Proxy> Finder::move(Pick pick, const PickPlan& plan, Parameters own) {
    plan.add_filter(own);
    const Rows rows = database_.run(finding, Repeat::always, [&](Connection& connection) {
        return connection.execute(*statements_.text(pick, plan), own, plan.plan());
    });
    if (rows.size() == 0) return std::nullopt;
    return read_proxy(rows, 0, 0);
}

bool Finder::find_by_predicate(const FindRequest& request, const PickPlan& plan, PoolId pool,
                               std::optional<Proxy>& found) {
    const Tried tried = try_candidates(database_, statements_, finding, plan, request.filters, pool,
                                       [&](const Candidate& candidate) {
                                           found = move(Pick::move_by_id, plan,
                                                        Parameters()
                                                            .add(request.pool)
                                                            .add(candidate.status)
                                                            .add(candidate.id)
                                                            .add(candidate.revision));
                                           return found.has_value();
                                       });
    return tried != Tried::lost_a_race;
}

}  // namespace pharox::postgres
