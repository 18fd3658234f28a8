// Shared by acquire, acquire_many and find: a prepared acquire, and the search for the first proxy that fits.
#pragma once

#include <algorithm>
#include <utility>

#include "leasing.hpp"
#include "predicate_cursor.hpp"

namespace pharox::sqlkit {

struct Leasing::PreparedAcquire {
    const AcquireRequest& request;
    std::vector<PickPlan> plans;
    Operation operation;

    /// Whether SQL alone decides which proxies match.
    [[nodiscard]] bool exact() const { return plans.front().filter.exact; }
};

/// The first row of the first plan that has any.
inline std::optional<ProxyRow> pick(LeaseTransaction& transaction, const std::vector<PickPlan>& plans,
                                    PoolId pool) {
    for (const PickPlan& plan : plans) {
        std::vector<ProxyRow> rows = transaction.available(plan, pool, 1);
        if (!rows.empty()) return std::move(rows.front());
    }
    return std::nullopt;
}

/// The row of this proxy, if it is available and only its lease count has changed.
inline std::optional<ProxyRow> pick_unchanged(LeaseTransaction& transaction, const PickPlan& plan,
                                              PoolId pool, const Proxy& seen) {
    std::optional<ProxyRow> row = transaction.available_by_id(plan, pool, seen.id);
    if (!row) return std::nullopt;
    Proxy current = row->proxy;
    current.current_leases = seen.current_leases;
    if (current != seen) return std::nullopt;
    return row;
}

/// A plan's candidates.
class PlanCandidates final : public CandidateReader {
  public:
    PlanCandidates(LeaseStore& store, const PickPlan& plan, PoolId pool)
        : store_(store), plan_(plan), pool_(pool) {}

    std::pair<std::vector<Proxy>, std::vector<ProxyId>> first(std::size_t limit) override {
        const auto transaction = store_.read({.name = "find"});
        std::vector<Proxy> proxies;
        for (ProxyRow& row : transaction->available(plan_, pool_, limit))
            proxies.push_back(std::move(row.proxy));
        std::vector<ProxyId> rest;
        if (proxies.size() == limit) {
            rest = transaction->available_ids(plan_, pool_);
            rest.erase(rest.begin(),
                       rest.begin() + static_cast<std::ptrdiff_t>(std::min(limit, rest.size())));
        }
        return {std::move(proxies), std::move(rest)};
    }
    std::vector<Proxy> still_available(std::span<const ProxyId> ids) override {
        const auto transaction = store_.read({.name = "find"});
        std::vector<Proxy> proxies;
        for (const ProxyId& id : ids) {
            if (auto row = transaction->available_by_id(plan_, pool_, id))
                proxies.push_back(std::move(row->proxy));
        }
        return proxies;
    }

  private:
    LeaseStore& store_;
    const PickPlan& plan_;
    PoolId pool_;
};

/// Calls `attempt(plan, candidate)` for the candidates that match, until it returns a value. If an attempt
/// found its candidate changed, all candidates are tried again.
template <class Attempt>
auto first_match(LeaseStore& store, const std::vector<PickPlan>& plans, PoolId pool,
                 const ProxyFilters& filters, Attempt attempt)
    -> decltype(attempt(plans.front(), std::declval<const Proxy&>())) {
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        for (const PickPlan& plan : plans) {
            PlanCandidates reader(store, plan, pool);
            PredicateCursor cursor(reader);
            while (const auto candidate = cursor.next()) {
                if (!matches(filters, *candidate)) continue;
                if (auto result = attempt(plan, *candidate)) return result;
                lost_a_race = true;
            }
        }
    }
    return std::nullopt;
}

}  // namespace pharox::sqlkit
