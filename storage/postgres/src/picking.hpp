// Candidates for a predicate.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "lease_queries.hpp"
#include "leasing.hpp"

namespace pharox::postgres {

template <class Use>
Leasing::Tried Leasing::try_candidates(const Operation& operation, const PickPlan& plan,
                                       const ProxyFilters& filters, PoolId pool, bool allow_slow, Use use) {
    constexpr std::size_t page = 64;
    const auto ask = [&](const std::string& sql, const Parameters& parameters, Plan kept) {
        return database_.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.in_schema(sql), parameters, kept);
        });
    };
    bool lost_a_race = false;
    const auto any_of = [&](const Rows& rows, int availability) {
        for (int row = 0; row < rows.size(); ++row) {
            const Proxy proxy = read_proxy(rows, row, 0);
            if (!matches(filters, proxy)) continue;
            const bool has_room = static_cast<int>(proxy.status) == availability &&
                                  (!proxy.max_concurrency || proxy.current_leases < *proxy.max_concurrency);
            if (has_room &&
                use(Choice{
                    .id = proxy.id, .revision = read_revision(rows, row, 0), .availability = availability}))
                return true;
            lost_a_race = true;  // it had room when we looked
        }
        return false;
    };
    for (const int availability : {0, 2}) {
        if (availability == 2 && !allow_slow) break;
        Parameters parameters;
        parameters.add(pool);
        plan.add_filter(parameters);
        std::set<UuidBytes> seen;
        {
            const Rows first = ask(plan.candidates(availability), parameters, plan.plan());
            if (any_of(first, availability)) return Tried::used;
            for (int row = 0; row < first.size(); ++row) seen.insert(first.id<ProxyId>(row, 0).bytes());
        }
        if (seen.size() < page) continue;
        // The rest is of one instant too, but read a few at a time. Those that were looked at may stand
        // elsewhere by now.
        std::vector<UuidBytes> ids;
        {
            const Rows all = ask(plan.candidate_ids(availability), parameters, plan.plan());
            for (int row = 0; row < all.size(); ++row) {
                const UuidBytes id = all.id<ProxyId>(row, 0).bytes();
                if (!seen.contains(id)) ids.push_back(id);
            }
        }
        for (std::size_t from = 0; from < ids.size(); from += page) {
            const std::span<const UuidBytes> some(ids.data() + from, std::min(page, ids.size() - from));
            const Rows rows = ask(query::candidates_by_id, Parameters().add(pool).add(some), Plan::kept);
            if (any_of(rows, availability)) return Tried::used;
        }
    }
    return lost_a_race ? Tried::lost_a_race : Tried::none;
}

}  // namespace pharox::postgres
