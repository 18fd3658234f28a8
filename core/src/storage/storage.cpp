#include "pharox/storage/storage.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <utility>

#include "pharox/rules/requests.hpp"
#include "pharox/storage/call_stop.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "storage/queued_requests.hpp"
#include "storage/wait_queue.hpp"

namespace pharox {
namespace {

/// In each lost race another caller leased a proxy, so this many consecutive ones mean that the store is
/// inconsistent.
constexpr int most_lost_races = 100'000;

using Steady = std::chrono::steady_clock;

Steady::time_point deadline_of(const AcquireRequest& request) {
    // Any other wait is refused by the attempt.
    return Steady::now() + std::clamp(request.wait, Duration(0), max_lease_duration);
}

bool waits_after(const AcquireResult& result, Steady::time_point deadline) {
    return !is_final(result) && Steady::now() < deadline;
}

/// One acquire by the six methods. Keeps the expired leases that each step collected.
class AcquireSteps {
  public:
    /// Throws ValidationError.
    AcquireSteps(IStorage& storage, const AcquireRequest& request)
        : storage_(storage), request_(request), create_(rules::create_request(*rules::Normalised(request))) {}

    /// The result for a lease id that exists; empty for a new one.
    std::optional<AcquireResult> existing() {
        create_.proxy_id = ProxyId{};  // no proxy has this id, so only an existing lease can be returned
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
        // By the pool's name: of an existing lease, the six methods give no other link to the requested pool.
        const bool older = leased.replayed || leased.lease().proxy_id != create_.proxy_id;
        if (older && leased.lease().pool_name != request_.pool) {
            throw ConflictError("lease_id", create_.lease_id.to_string(), "was used for another pool");
        }
        append(std::exchange(leased.expired, {}));
        AcquireResult result(std::move(leased));
        result.replayed = older;
        return result;
    }

    /// No proxy is available; a lease with the requested id, from an earlier call, may be the reason.
    AcquireResult missed() {
        if (!storage_.get_pool_stats({.pool = request_.pool})) return Miss::pool_unknown;
        if (request_.lease_id.is_nil() || request_.lease_id_is_new) return Miss::none_available;
        return existing().value_or(Miss::none_available);
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

/// The result for the caller's own lease id, if its lease exists, active or ended. An attempt is made only
/// for the oldest of a group of waiters, but an existing lease is returned at once.
std::optional<AcquireResult> find_existing(IStorage& storage, const AcquireRequest& request) {
    if (request.lease_id.is_nil() || request.lease_id_is_new) return std::nullopt;
    ILeaseControl* const control = storage.lease_control();
    if (control != nullptr && !control->get_lease({.lease_id = request.lease_id})) return std::nullopt;
    return AcquireSteps(storage, request).existing();
}

/// What a new request gets without being queued, if anything. Throws ValidationError in any case: an attempt
/// validates the request itself.
std::optional<AcquireResult> answer_at_once(IStorage& storage, const AcquireRequest& request,
                                            const std::stop_token& stop, bool behind_others) {
    const CallStop of_this_call(stop);
    if (behind_others) {
        validate(request);
        return find_existing(storage, request);
    }
    LeaseId attempted;
    return attempt_acquire(storage, request, attempted);
}

}  // namespace

Miss AcquireResult::miss() const {
    if (leased_) throw std::logic_error("this acquire was a hit, not a miss");
    return miss_;
}

IStorage::IStorage() : queue_(std::make_shared<WaitQueue>()) {}
IStorage::IStorage(SharesQueueOf wrapped) : queue_(wrapped.storage.queue_), owns_queue_(false) {}
IStorage::~IStorage() = default;

void IStorage::end_waits() noexcept {
    if (owns_queue_) {
        queue_->stop();
    } else {
        queue_->end_waits_of(*this);
    }
}

AcquireResult IStorage::try_acquire(const AcquireRequest& request) {
    return AcquireSteps(*this, request).run();
}

AcquireResult IStorage::acquire(const AcquireRequest& request, const std::stop_token& stop) {
    const auto deadline = deadline_of(request);
    std::optional<AcquireResult> result = answer_at_once(*this, request, stop, has_waiters(request.pool));
    if (result && (WaitQueue::runs_on_this_thread() || !waits_after(*result, deadline)))
        return *std::move(result);
    std::vector<Lease> expired;
    if (result) expired = std::move(result->expired);
    std::promise<AcquireOutcome> promise;
    queue_->add(
        *this, request, deadline,
        [&promise](AcquireOutcome outcome) { promise.set_value(std::move(outcome)); }, stop,
        std::move(expired));
    return promise.get_future().get().get();
}

bool IStorage::has_waiters(std::string_view pool) const noexcept {
    return !WaitQueue::runs_on_this_thread() && queue_->has_waiters(pool);
}

void IStorage::acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) {
    const auto deadline = deadline_of(request);
    std::vector<Lease> expired;
    if (stop.stop_requested()) {
        validate(request);  // it is cancelled without an attempt
    } else {
        std::optional<AcquireResult> result;
        try {
            result = answer_at_once(*this, request, stop, queue_->has_waiters(request.pool));
        } catch (const ValidationError&) {
            throw;
        } catch (...) {
            return done(std::current_exception());
        }
        if (result && !waits_after(*result, deadline)) return done(*std::move(result));
        if (result) expired = std::move(result->expired);
    }
    queue_->add(*this, std::move(request), deadline, std::move(done), std::move(stop), std::move(expired));
}

void IStorage::became_available(std::string_view pool) noexcept { queue_->wake(pool); }

void IStorage::set_pool_watch(IPoolWatch& watch) noexcept { queue_->set_watch(watch); }

AcquireManyResult IStorage::acquire_many(const AcquireManyRequest& request) {
    validate(request);
    AcquireManyResult result;
    AcquireRequest each = request.each;
    try {
        while (result.leased.size() < request.count) {
            const std::size_t index = result.leased.size();
            each.lease_id_is_new = request.lease_ids.empty();
            each.lease_id = each.lease_id_is_new ? LeaseId::make() : request.lease_ids[index];
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
        // The outcome of the last one may be unknown, and only this call knows its id.
        if (request.lease_ids.empty()) unwanted.push_back(each.lease_id);
        for (const LeaseId& id : unwanted) {
            try {
                release_lease({.lease_id = id, .pool = each.pool});
            } catch (...) {
                continue;  // the lease ends by expiry; the first error is rethrown
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

std::vector<RenewResult> ILeaseControl::renew_many(const std::vector<RenewRequest>& requests) {
    for (const RenewRequest& request : requests) validate_lease_duration(request.duration);
    std::vector<RenewResult> results;
    results.reserve(requests.size());
    for (const RenewRequest& request : requests) results.push_back(renew_lease(request));
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
