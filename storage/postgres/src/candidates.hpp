// Available proxies for a predicate, read without an open transaction between two pages.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "pharox/filters.hpp"
#include "pick_plan.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

/// A proxy as a predicate has accepted it.
struct Candidate {
    ProxyId id;
    std::int32_t revision = 0;
    std::int16_t status = 0;
};

enum class Tried : std::uint8_t {
    used,
    none,         ///< no candidate matches
    lost_a_race,  ///< candidates matched, and were no longer available
};

/// Calls `use(candidate)` for each candidate that matches until it returns true.
template <class Use>
Tried try_candidates(Database& database, PickStatements& statements, const Operation& operation,
                     const PickPlan& plan, const ProxyFilters& filters, PoolId pool, Use use) {
    constexpr std::size_t page = 64;
    const auto read = [&](const std::string& sql, const Parameters& parameters, Plan plan_kind) {
        return database.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(sql, parameters, plan_kind);
        });
    };
    bool lost_a_race = false;
    const auto any_of = [&](const Rows& rows, std::int16_t status) {
        for (int row = 0; row < rows.size(); ++row) {
            const Proxy proxy = read_proxy(rows, row, 0);
            if (!matches(filters, proxy)) continue;
            const bool available = static_cast<std::int16_t>(proxy.status) == status &&
                                   (!proxy.max_concurrency || proxy.current_leases < *proxy.max_concurrency);
            if (available &&
                use(Candidate{.id = proxy.id, .revision = read_revision(rows, row, 0), .status = status}))
                return true;
            lost_a_race = true;  // it was available when it was listed
        }
        return false;
    };
    for (const ProxyStatus of : {ProxyStatus::active, ProxyStatus::slow}) {
        if (of == ProxyStatus::slow && !plan.allow_slow()) break;
        const auto status = static_cast<std::int16_t>(of);
        Parameters parameters;
        parameters.add(pool).add(status);
        plan.add_filter(parameters);
        std::set<UuidBytes> seen;
        {
            const Rows first = read(*statements.text(Pick::candidates, plan), parameters, plan.plan());
            if (any_of(first, status)) return Tried::used;
            for (int row = 0; row < first.size(); ++row) seen.insert(first.id<ProxyId>(row, 0).bytes());
        }
        if (seen.size() < page) continue;
        // The rest are those of one instant too, read a page at a time. The ones that were read already may
        // have another place in the order by now.
        std::vector<UuidBytes> ids;
        {
            const Rows all = read(*statements.text(Pick::candidate_ids, plan), parameters, plan.plan());
            for (int row = 0; row < all.size(); ++row) {
                const UuidBytes id = all.id<ProxyId>(row, 0).bytes();
                if (!seen.contains(id)) ids.push_back(id);
            }
        }
        for (std::size_t from = 0; from < ids.size(); from += page) {
            const std::span<const UuidBytes> some(ids.data() + from, std::min(page, ids.size() - from));
            const Rows rows =
                read(database.text(sql::candidates_by_id), Parameters().add(pool).add(some), Plan::prepared);
            if (any_of(rows, status)) return Tried::used;
        }
    }
    return lost_a_race ? Tried::lost_a_race : Tried::none;
}

}  // namespace pharox::postgres
