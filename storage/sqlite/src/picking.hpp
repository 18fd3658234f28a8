// Finding the proxy that a selector and a filter ask for.
#pragma once

#include <optional>
#include <vector>

#include "database.hpp"
#include "pick_plan.hpp"
#include "row_mapping.hpp"

namespace pharox::sqlite {

/// The first of the plan's rows. `transaction` reads or writes.
template <class Transaction>
std::optional<ProxyRow> pick(Transaction& transaction, const PickPlan& plan, PoolId pool) {
    Statement rows = plan.prepare(transaction, PickQuery::available_proxies);
    rows.bind(pool);
    plan.bind_filter(rows);
    rows.bind(1);
    if (!rows.step()) return std::nullopt;
    return read_proxy_row(rows);
}

/// The first of the first plan that has any.
template <class Transaction>
std::optional<ProxyRow> pick(Transaction& transaction, const std::vector<PickPlan>& plans, PoolId pool) {
    for (const PickPlan& plan : plans) {
        if (auto row = pick(transaction, plan, pool)) return row;
    }
    return std::nullopt;
}

/// The row of this proxy, if it is available and nothing of it has changed but its counter.
std::optional<ProxyRow> pick_unchanged(WriteTransaction& transaction, const PickPlan& plan, PoolId pool,
                                       const Proxy& seen);

/// By how much a pick of a proxy of this weight moves it on, on average: one for the heaviest, for others in
/// proportion. Below a millionth of the
/// heaviest all weights are alike, or sums of steps would lose the small ones.
double mean_step(const PoolKeys& keys, double weight);

/// Moves a picked proxy on in the random orders. The others are moved by leases, or by mark_proxy.
void draw_again(WriteTransaction& transaction, Selector selector, const ProxyRow& picked);

/// Whether there is any proxy of the plan that may match, with room or a full one; the selector aside.
bool any(ReadTransaction& transaction, const PickPlan& plan, PoolId pool, bool with_room);

/// The plan's proxies one by one, for a predicate to look at: no transaction is open between two of them. As
/// of one instant, but read a few at a time; what stops being available meanwhile is left out.
class Candidates {
  public:
    Candidates(Database& database, const PickPlan& plan, PoolId pool);
    std::optional<Proxy> next();

  private:
    void read_first();
    void read_more();

    Database& database_;
    const PickPlan& plan_;
    PoolId pool_;
    std::vector<Proxy> ready_{};      ///< in reverse order
    std::vector<ProxyId> waiting_{};  ///< in reverse order
};

}  // namespace pharox::sqlite
