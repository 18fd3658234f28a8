// Many leases in one transaction.
#include <algorithm>
#include <set>
#include <utility>

#include "grant.hpp"
#include "lease_ends.hpp"
#include "leasing.hpp"
#include "pharox/errors.hpp"
#include "pharox/rules/requests.hpp"
#include "prepared_acquire.hpp"
#include "random_order.hpp"
#include "replay.hpp"

namespace pharox::sqlkit {

namespace {

// Other writers wait until the transaction ends.
constexpr std::ptrdiff_t released_at_once = 1'000;

/// The proxies of a batch, one after the other, within its transaction.
class BatchPicks {
  public:
    BatchPicks(LeaseTransaction& transaction, const std::vector<PickPlan>& plans, PoolId pool,
               const AcquireManyRequest& request)
        : transaction_(transaction), plans_(plans), pool_(pool), request_(request) {}

    std::optional<ProxyRow> next() {
        if (!request_.distinct) return pick(transaction_, plans_, pool_);
        // A lease changes the sort key of its own proxy only, so one read returns all proxies. One read for
        // each lease would read the proxies before it again each time.
        for (;;) {
            while (next_ready_ < ready_.size()) {
                ProxyRow& row = ready_[next_ready_++];
                if (!used_.contains(row.proxy.id)) return std::move(row);
            }
            if (next_plan_ == plans_.size()) return std::nullopt;
            ready_ = transaction_.available(plans_[next_plan_++], pool_, request_.count);
            next_ready_ = 0;
        }
    }

    void use(ProxyId id) { used_.insert(id); }
    [[nodiscard]] const std::set<ProxyId>& used() const noexcept { return used_; }

  private:
    LeaseTransaction& transaction_;
    const std::vector<PickPlan>& plans_;
    PoolId pool_;
    const AcquireManyRequest& request_;
    std::size_t next_plan_ = 0;
    std::vector<ProxyRow> ready_{};
    std::size_t next_ready_ = 0;
    std::set<ProxyId> used_{};
};

}  // namespace

std::optional<AcquireManyResult> Leasing::acquire_many(const AcquireManyRequest& request) {
    AcquireRequest each = request.each;
    rules::fill_in_defaults(each);
    // If this fails, no single lease id identifies the outcome.
    constexpr Operation acquiring{.name = "acquire_many"};
    const PreparedAcquire acquire = prepare(each, acquiring);
    if (!acquire.exact()) return std::nullopt;
    Expired expired(reports_);
    AcquireManyResult result;
    bool short_of_proxies = false;
    {
        const auto transaction = store_.write(acquiring);
        const PickContext context = transaction->acquire_context(each);
        if (!context.pool) {
            result.miss = Miss::pool_unknown;
            result.expired = expired.take();
            return result;
        }
        std::vector<Lease> ended;
        while (context.any_expired &&
               collect_expired(*transaction, store_.retention(), collect_batch, ended)) {
        }
        BatchPicks picks(*transaction, acquire.plans, *context.pool, request);
        while (result.leased.size() < request.count) {
            const LeaseId wanted =
                request.lease_ids.empty() ? LeaseId() : request.lease_ids[result.leased.size()];
            if (!wanted.is_nil()) {
                each.lease_id = wanted;
                auto repeated = replay(*transaction, each, context.pool, context.consumer, ended);
                if (repeated && !*repeated) {
                    result.miss = repeated->miss();
                    break;
                }
                if (repeated) {
                    picks.use(repeated->proxy().id);
                    result.leased.push_back(repeated->leased());
                    result.leased.back().replayed = true;
                    continue;
                }
            }
            std::optional<ProxyRow> row = picks.next();
            if (!row) {
                short_of_proxies = true;
                break;
            }
            if (!context.consumer) throw ConsumerNotFoundError(each.consumer);
            draw_again(*transaction, each.selector, *row);
            picks.use(row->proxy.id);
            result.leased.push_back(grant(*transaction, *std::move(row), each,
                                          wanted.is_nil() ? LeaseId::make() : wanted, *context.consumer,
                                          each.pool));
        }
        transaction->commit();
        expired.add(std::move(ended));
        if (short_of_proxies && request.distinct) {
            each.filters.exclude.insert(each.filters.exclude.end(), picks.used().begin(), picks.used().end());
        }
    }
    if (short_of_proxies) result.miss = diagnose_miss(prepare(each, acquiring));
    result.expired = expired.take();
    return result;
}

std::vector<ReleaseResult> Leasing::release_many(const std::vector<ReleaseRequest>& requests) {
    std::vector<ReleaseResult> results;
    results.reserve(requests.size());
    for (auto next = requests.begin(); next != requests.end();) {
        const auto end = next + std::min(released_at_once, requests.end() - next);
        std::vector<LeaseId> ids;
        std::transform(next, end, std::back_inserter(ids),
                       [](const ReleaseRequest& request) { return request.lease_id; });
        const auto transaction = store_.write({.name = "release_many", .ends_or_renews = ids});
        unsigned count = 0;
        for (; next != end; ++next) {
            results.push_back(end_now(*transaction, next->lease_id, ReleaseReason::released));
            count += results.back().released ? 1 : 0;
        }
        if (count == 0) continue;
        prune_sometimes(*transaction, count);
        transaction->commit();
    }
    return results;
}

}  // namespace pharox::sqlkit
