#include "pharox/storage/storage.hpp"

#include <algorithm>
#include <future>
#include <iterator>
#include <set>
#include <utility>

#include "model/rules.hpp"
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
constexpr std::int64_t most_listed = 10'000;
constexpr std::int64_t most_in_a_batch = 1'000;
constexpr Duration max_lease_tenure = std::chrono::days(3'650);

void validate_selector(Selector selector) {
    validate_known("selector", selector, Selector::weighted_random, "is not a selector");
}

/// Misses that no wait can mend end it at once.
bool is_worth_waiting(Miss miss) { return miss != Miss::pool_unknown && miss != Miss::lease_ended; }

/// One acquire made of the six. Collects what each step found expired.
class AcquireSteps {
  public:
    AcquireSteps(IStorage& storage, const AcquireRequest& request)
        : storage_(storage),
          request_(request),
          create_{
              .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
              .duration = request.duration,
              .lease_id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id,
              .metadata = request.metadata,
              .allow_slow = request.allow_slow,
              .max_tenure = request.max_tenure} {}

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
        const FindRequest find{.pool = request_.pool,
                               .filters = request_.filters,
                               .selector = request_.selector,
                               .allow_slow = request_.allow_slow};
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
    validate(request);
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
    each.wait = Duration(0);
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

void validate_lease_duration(Duration duration) {
    const std::string text = std::to_string(duration.count());
    if (duration < min_lease_duration)
        throw InvalidLeaseError("duration_ms", text, "is not greater than zero");
    if (duration > max_lease_duration) {
        throw InvalidLeaseError("duration_ms", text,
                                "is above " + std::to_string(max_lease_duration.count()) + " (30 days)");
    }
}

namespace {

void validate_tenure(const std::optional<Duration>& tenure, Duration duration) {
    if (!tenure) return;
    const std::string text = std::to_string(tenure->count());
    if (*tenure < duration) throw InvalidLeaseError("max_tenure_ms", text, "is below the lease's duration");
    if (*tenure > max_lease_tenure) {
        throw InvalidLeaseError("max_tenure_ms", text,
                                "is above " + std::to_string(max_lease_tenure.count()) + " (10 years)");
    }
}

void validate_wait(Duration wait) {
    if (wait < Duration(0)) throw ValidationError("wait_ms", std::to_string(wait.count()), "is below 0");
    if (wait > max_lease_duration)
        throw ValidationError("wait_ms", std::to_string(wait.count()), "is above 30 days");
}

}  // namespace

void validate(const FindRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    validate(request.filters);
    validate_selector(request.selector);
}

void validate(const CreateLeaseRequest& request) {
    validate_lease_duration(request.duration);
    validate_tenure(request.max_tenure, request.duration);
    validate_text("consumer", request.consumer, max_name_bytes);
    validate_metadata_object(request.metadata);
}

void validate(const EnsureConsumerRequest& request) { validate_text("name", request.name, max_name_bytes); }

void validate(const AcquireRequest& request) {
    validate_lease_duration(request.duration);
    validate_text("pool", request.pool, max_name_bytes);
    if (!request.consumer.empty()) validate_text("consumer", request.consumer, max_name_bytes);
    validate(request.filters);
    validate_selector(request.selector);
    validate_metadata_object(request.metadata);
    validate_tenure(request.max_tenure, request.duration);
    validate_wait(request.wait);
}

void validate(const AcquireManyRequest& request) {
    validate(request.each);
    validate_range("count", static_cast<std::int64_t>(request.count), 1, most_in_a_batch);
    if (!request.lease_ids.empty() && request.lease_ids.size() != request.count) {
        throw ValidationError("lease_ids", std::to_string(request.lease_ids.size()),
                              "is not one for each lease");
    }
    std::set<LeaseId> different;
    for (const LeaseId& id : request.lease_ids) {
        if (!different.insert(id).second)
            throw ValidationError("lease_ids", id.to_string(), "is there more than once");
    }
    if (request.distinct &&
        std::ssize(request.each.filters.exclude) + static_cast<std::int64_t>(request.count) >
            most_in_a_batch) {
        throw ValidationError("count", std::to_string(request.count),
                              "and the excluded ids are more than 1000");
    }
}

void validate(const ListLeasesRequest& request) {
    if (!request.pool.empty()) validate_text("pool", request.pool, max_name_bytes);
    if (!request.consumer.empty()) validate_text("consumer", request.consumer, max_name_bytes);
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
    if (!request.after.empty()) static_cast<void>(detail::parse_uuid("after", request.after));
}

void validate(const ListHealthRecordsRequest& request) {
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
}

void validate(const ListRequest& request) {
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
}

void validate(const ListProxiesRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    validate(request.filters);
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
    if (!request.after.empty()) static_cast<void>(detail::parse_uuid("after", request.after));
}

}  // namespace pharox
