// Many leases in one transaction.
#include <algorithm>
#include <set>
#include <utility>

#include "leasing.hpp"
#include "leasing_ask.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

// Other writers wait meanwhile.
constexpr std::ptrdiff_t released_at_once = 1'000;

/// The proxies of a batch, one after the other, within its transaction.
class BatchPicks {
  public:
    BatchPicks(WriteTransaction& transaction, const std::vector<PickPlan>& plans, PoolId pool,
               const AcquireManyRequest& request)
        : transaction_(transaction), plans_(plans), pool_(pool), request_(request) {}

    std::optional<ProxyRow> next() {
        if (!request_.distinct) return pick(transaction_, plans_, pool_);
        // No lease moves another proxy in its order, so that one look gives them
        // all: who asked anew for each would step over the ones before, every time.
        for (;;) {
            while (!ready_.empty()) {
                ProxyRow row = std::move(ready_.back());
                ready_.pop_back();
                if (!used_.contains(row.proxy.id)) return row;
            }
            if (next_plan_ == plans_.size()) return std::nullopt;
            read(plans_[next_plan_++]);
        }
    }

    void use(ProxyId id) { used_.insert(id); }
    [[nodiscard]] const std::set<ProxyId>& used() const noexcept { return used_; }

  private:
    void read(const PickPlan& plan) {
        Statement rows = plan.prepare(transaction_, PickQuery::available_proxies);
        rows.bind(pool_);
        plan.bind_filter(rows);
        rows.bind(static_cast<std::int64_t>(request_.count));
        while (rows.step()) ready_.push_back(read_proxy_row(rows));
        std::reverse(ready_.begin(), ready_.end());
    }

    WriteTransaction& transaction_;
    const std::vector<PickPlan>& plans_;
    PoolId pool_;
    const AcquireManyRequest& request_;
    std::size_t next_plan_ = 0;
    std::vector<ProxyRow> ready_{};  ///< in reverse order
    std::set<ProxyId> used_{};
};

}  // namespace

std::optional<AcquireManyResult> Leasing::acquire_many(const AcquireManyRequest& request) {
    AcquireRequest each = request.each;
    Ask ask = make_ask(each, "acquire_many");
    if (!ask.exact()) return std::nullopt;
    Expired expired(reports_);
    AcquireManyResult result;
    bool short_of_proxies = false;
    {
        // No single lease id is in doubt if this fails.
        WriteTransaction transaction(database_, {.name = "acquire_many"});
        const Opening opening = ask.open(transaction);
        if (!opening.pool) {
            result.miss = Miss::pool_unknown;
            result.expired = expired.take();
            return result;
        }
        std::vector<Lease> ended;
        while (opening.due && collect_due(transaction, collect_batch, ended)) {
        }
        BatchPicks picks(transaction, ask.plans, *opening.pool, request);
        while (result.leased.size() < request.count) {
            const LeaseId wanted =
                request.lease_ids.empty() ? LeaseId() : request.lease_ids[result.leased.size()];
            ask.lease_id = wanted.is_nil() ? LeaseId::make() : wanted;
            if (!wanted.is_nil()) {
                auto repeated = replay(transaction, ask, *opening.pool, opening.consumer, ended);
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
            if (!opening.consumer) throw ConsumerNotFoundError(ask.consumer);
            draw_again(transaction, each.selector, *row);
            picks.use(row->proxy.id);
            result.leased.push_back(grant(transaction, *std::move(row), ask.terms(*opening.consumer)));
        }
        transaction.commit();
        expired.add(std::move(ended));
        if (short_of_proxies && request.distinct) {
            each.filters.exclude.insert(each.filters.exclude.end(), picks.used().begin(), picks.used().end());
        }
    }
    if (short_of_proxies) result.miss = kind_of_miss(make_ask(each, "acquire_many"));
    result.expired = expired.take();
    return result;
}

std::vector<ReleaseResult> Leasing::release_many(const std::vector<ReleaseRequest>& requests) {
    std::vector<ReleaseResult> results;
    results.reserve(requests.size());
    for (auto next = requests.begin(); next != requests.end();) {
        const auto end = next + std::min(released_at_once, requests.end() - next);
        WriteTransaction transaction(database_, {.name = "release_many"});
        unsigned count = 0;
        for (; next != end; ++next) {
            results.push_back(end_now(transaction, next->lease_id, ReleaseReason::released));
            count += results.back().released ? 1 : 0;
        }
        if (count == 0) continue;
        prune_sometimes(transaction, count);
        transaction.commit();
    }
    return results;
}

}  // namespace pharox::sqlite
