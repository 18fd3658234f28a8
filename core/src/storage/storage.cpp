#include "pharox/storage/storage.hpp"

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "pharox/rules/requests.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "storage/wait_queue.hpp"

namespace pharox {
namespace {

/// Each lost race means that another caller won one, so this many in a row means that the store contradicts
/// itself.
constexpr int most_lost_races = 100'000;

/// Misses that no wait can mend end it at once.
bool is_worth_waiting(Miss miss) { return miss != Miss::pool_unknown && miss != Miss::lease_ended; }

/// One acquire made of the six. Collects what each step found expired.
class AcquireSteps {
  public:
    /// Throws ValidationError.
    AcquireSteps(IStorage& storage, const AcquireRequest& request)
        : storage_(storage), request_(request), create_(rules::create_request(*rules::Normalised(request))) {}

    /// What the lease id was used for; nothing where it is new.
    std::optional<AcquireResult> known() {
        create_.proxy_id = ProxyId{};  // which no proxy has: only an existing lease can answer
        std::optional<AcquireResult> result;
        try {
            result = created();
        } catch (const ProxyNotFoundError&) {
            return std::nullopt;
        } catch (const ConsumerNotFoundError&) {
            return std::nullopt;
        } catch (const LeaseEndedError&) {
            result = Miss::lease_ended;
        }
        result->expired = std::move(expired_);
        return result;
    }

    AcquireResult run() {
        append(storage_.cleanup_expired_leases({.collect = true}).leases);
        AcquireResult result = lease_one();
        append(std::move(result.expired));
        result.expired = std::move(expired_);
        return result;
    }

  private:
    AcquireResult lease_one() {
        const FindRequest find = rules::find_request(request_);
        for (int race = 0; race < most_lost_races; ++race) {
            FindResult found = storage_.find_available_proxy(find);
            append(std::move(found.expired));
            if (!found.proxy) return missed();
            create_.proxy_id = found.proxy->id;
            try {
                return created();
            } catch (const ProxyUnavailableError&) {
                continue;  // another caller was faster
            } catch (const ProxyNotFoundError&) {
                continue;  // it was removed meanwhile
            } catch (const LeaseEndedError&) {
                return Miss::lease_ended;
            }
        }
        throw StorageError(
            {.store = "storage", .operation = "acquire", .retryable = true, .lease_id = create_.lease_id},
            "find_available_proxy finds what create_lease keeps refusing");
    }

    AcquireResult created() {
        LeasedProxy leased = storage_.create_lease(create_);
        const bool older = leased.replayed || leased.lease().proxy_id != create_.proxy_id;
        if (older && leased.lease().pool_name != request_.pool) {
            throw ConflictError("lease_id", create_.lease_id.to_string(), "was used for another pool");
        }
        append(std::exchange(leased.expired, {}));
        AcquireResult result(std::move(leased));
        result.replayed = older;
        return result;
    }

    /// Nothing is free, unless the very lease that is asked for is why.
    AcquireResult missed() {
        if (!storage_.get_pool_stats({.pool = request_.pool})) return Miss::pool_unknown;
        if (request_.lease_id.is_nil()) return Miss::none_available;
        return known().value_or(Miss::none_available);
    }

    void append(std::vector<Lease>&& more) {
        expired_.insert(expired_.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
    }

    IStorage& storage_;
    const AcquireRequest& request_;
    CreateLeaseRequest create_;
    std::vector<Lease> expired_;
};

}  // namespace

Miss AcquireResult::miss() const {
    if (leased_) throw std::logic_error("this acquire was a hit, not a miss");
    return miss_;
}

IStorage::~IStorage() {
    stop_waiting();
    delete wait_queue_.load();
}

AcquireResult IStorage::try_acquire(const AcquireRequest& request) {
    return AcquireSteps(*this, request).run();
}

AcquireResult IStorage::acquire(const AcquireRequest& request) {
    std::vector<Lease> expired;
    if (!somebody_waits()) {
        AcquireResult result = try_acquire(request);
        const bool waits = !result && request.wait > Duration(0) && is_worth_waiting(result.miss());
        if (!waits || WaitQueue::serves_here()) return result;
        expired = std::move(result.expired);
    }
    std::promise<AcquireOutcome> promise;
    acquire_async(request, [&promise](AcquireOutcome outcome) { promise.set_value(std::move(outcome)); }, {});
    AcquireResult result = promise.get_future().get().get();
    result.expired.insert(result.expired.begin(), std::make_move_iterator(expired.begin()),
                          std::make_move_iterator(expired.end()));
    return result;
}

bool IStorage::somebody_waits() const noexcept {
    const WaitQueue* const queue = wait_queue_.load(std::memory_order_acquire);
    return queue != nullptr && queue->is_in_use();
}

void IStorage::acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) {
    validate(request);
    WaitQueue& queue = wait_queue();
    std::vector<Lease> expired;
    if (!stop.stop_requested()) {
        std::optional<AcquireResult> result;
        try {
            if (!queue.is_in_use()) {
                result = try_acquire(request);
            } else if (!request.lease_id.is_nil()) {
                // Those with an equal question are told what their oldest is told; but whoever has its lease
                // already is not to wait for one.
                result = AcquireSteps(*this, request).known();
            }
        } catch (...) {
            return done(std::current_exception());
        }
        if (result) {
            const bool waits = !*result && request.wait > Duration(0) && is_worth_waiting(result->miss());
            if (!waits) return done(*std::move(result));
            expired = std::move(result->expired);
        }
    }
    queue.enter(std::move(request), std::move(done), std::move(stop), std::move(expired));
}

WaitQueue& IStorage::wait_queue() {
    std::call_once(wait_queue_made_, [this] { wait_queue_ = new WaitQueue(*this, pool_watch_); });
    return *wait_queue_.load();
}

void IStorage::became_available(std::string_view /*pool*/) noexcept {
    if (WaitQueue* const queue = wait_queue_.load(std::memory_order_acquire)) queue->wake();
}

void IStorage::stop_waiting() noexcept {
    if (WaitQueue* const queue = wait_queue_.load()) queue->stop();
}

AcquireManyResult IStorage::acquire_many(const AcquireManyRequest& request) {
    validate(request);
    AcquireManyResult result;
    AcquireRequest each = request.each;
    try {
        while (result.leased.size() < request.count) {
            const std::size_t index = result.leased.size();
            each.lease_id = request.lease_ids.empty() ? LeaseId::make() : request.lease_ids[index];
            AcquireResult one = acquire(each);
            std::move(one.expired.begin(), one.expired.end(), std::back_inserter(result.expired));
            if (!one) {
                result.miss = one.miss();
                break;
            }
            if (request.distinct) each.filters.exclude.push_back(one.proxy().id);
            result.leased.push_back(one.leased());
            result.leased.back().replayed = one.replayed;
        }
    } catch (...) {
        const std::exception_ptr error = std::current_exception();
        std::vector<LeaseId> unwanted;
        for (const LeasedProxy& leased : result.leased) {
            if (!leased.replayed) unwanted.push_back(leased.lease().id);
        }
        // What became of the last one may be unknown, and its id too, to everybody but us.
        if (request.lease_ids.empty()) unwanted.push_back(each.lease_id);
        for (const LeaseId& id : unwanted) {
            try {
                release_lease({.lease_id = id, .pool = each.pool});
            } catch (...) {
                continue;  // it ends by expiry, and the first error is the one to tell
            }
        }
        std::rethrow_exception(error);
    }
    return result;
}

std::vector<ReleaseResult> IStorage::release_many(const std::vector<ReleaseRequest>& requests) {
    std::vector<ReleaseResult> results;
    results.reserve(requests.size());
    for (const ReleaseRequest& request : requests) results.push_back(release_lease(request));
    return results;
}

ICatalog& require_catalog(IStorage& storage) {
    if (ICatalog* const catalog = storage.catalog()) return *catalog;
    throw UnsupportedError("catalog");
}

ILeaseControl& require_lease_control(IStorage& storage) {
    if (ILeaseControl* const control = storage.lease_control()) return *control;
    throw UnsupportedError("lease control");
}

IHealthLog& require_health_log(IStorage& storage) {
    if (IHealthLog* const log = storage.health_log()) return *log;
    throw UnsupportedError("health log");
}

IMaintenance& require_maintenance(IStorage& storage) {
    if (IMaintenance* const maintenance = storage.maintenance()) return *maintenance;
    throw UnsupportedError("maintenance");
}

}  // namespace pharox
