// find_available_proxy: read-only, unless the selector changes a sort key or a lease has expired.
#include "lease_ends.hpp"
#include "leasing.hpp"
#include "prepared_acquire.hpp"
#include "random_order.hpp"

namespace pharox::sqlkit {

namespace {

constexpr Operation finding{.name = "find_available_proxy"};

bool moves_what_it_finds(Selector selector) {
    return selector == Selector::round_robin || selector == Selector::random ||
           selector == Selector::weighted_random;
}

}  // namespace

FindResult Leasing::find(const FindRequest& request) {
    const std::vector<PickPlan> plans = plans_for(request.selector, request.filters, request.allow_slow);
    Expired expired(reports_);
    FindResult result;
    if (!plans.front().filter.exact) {
        result.proxy = find_by_predicate(request, plans, expired);
    } else if (moves_what_it_finds(request.selector) || !find_by_reading(request, plans, result.proxy)) {
        for (bool more_expired = true; more_expired && !result.proxy;) {
            result.proxy = find_once(
                request, expired, more_expired,
                [&](LeaseTransaction& transaction, PoolId pool) { return pick(transaction, plans, pool); });
        }
    }
    result.expired = expired.take();
    return result;
}

/// Returns false if the answer needs a write, because leases have expired.
bool Leasing::find_by_reading(const FindRequest& request, const std::vector<PickPlan>& plans,
                              std::optional<Proxy>& found) {
    const auto transaction = store_.read(finding);
    const PickContext context = transaction->find_context(request.pool);
    if (context.any_expired) return false;
    if (!context.pool) return true;
    if (auto row = pick(*transaction, plans, *context.pool)) found = std::move(row->proxy);
    return true;
}

template <class Choose>
std::optional<Proxy> Leasing::find_once(const FindRequest& request, Expired& expired, bool& more_expired,
                                        Choose choose) {
    const auto transaction = store_.write(finding);
    const PickContext context = transaction->find_context(request.pool);
    std::vector<Lease> ended;
    more_expired =
        context.any_expired && collect_expired(*transaction, store_.retention(), collect_batch, ended);
    std::optional<ProxyRow> row;
    if (context.pool) row = choose(*transaction, *context.pool);
    if (row) {
        if (request.selector == Selector::round_robin) transaction->move_to_end(row->proxy.id);
        draw_again(*transaction, request.selector, *row);
    }
    if (row || !ended.empty()) transaction->commit();
    expired.add(std::move(ended));
    if (!row) return std::nullopt;
    return std::move(row->proxy);
}

std::optional<Proxy> Leasing::find_by_predicate(const FindRequest& request,
                                                const std::vector<PickPlan>& plans, Expired& expired) {
    std::optional<PoolId> known;
    for (bool more_expired = true; more_expired;) {
        find_once(request, expired, more_expired,
                  [&](LeaseTransaction&, PoolId pool) -> std::optional<ProxyRow> {
                      known = pool;
                      return std::nullopt;
                  });
    }
    if (!known) return std::nullopt;
    return first_match(
        store_, plans, *known, request.filters, [&](const PickPlan& plan, const Proxy& candidate) {
            bool more_expired = false;
            return find_once(request, expired, more_expired, [&](LeaseTransaction& transaction, PoolId pool) {
                return pick_unchanged(transaction, plan, pool, candidate);
            });
        });
}

}  // namespace pharox::sqlkit
