#include "pharox/manager/proxy_manager.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <iterator>
#include <random>
#include <utility>

#include "manager/manager_core.hpp"
#include "model/rules.hpp"
#include "pharox/rules/requests.hpp"
#include "storage/queued_requests.hpp"

namespace pharox {
namespace {

template <class List>
bool wants_stats(const List& list) {
    return std::any_of(list.begin(), list.end(), [](const auto& entry) { return entry.options.pool_stats; });
}

void validate(const RetryOptions& retry) {
    validate_at_least("attempts", retry.attempts, 1);
    validate_at_least("backoff_ms", retry.backoff.count(), 0);
    validate_at_least("multiplier", retry.multiplier, 1.0);
    if (retry.max_backoff) validate_at_least("max_backoff_ms", retry.max_backoff->count(), 1);
    validate_range("jitter", retry.jitter, 0.0, 1.0);
    if (retry.deadline) validate_at_least("deadline_ms", retry.deadline->count(), 1);
}

/// The pause before an attempt: exponential, capped, shortened at random.
Duration pause_before(int attempt, const RetryOptions& retry) {
    if (retry.backoff == Duration(0)) return retry.backoff;  // 0 times infinity is not a number
    const auto longest = static_cast<double>(
        std::min(retry.max_backoff.value_or(max_lease_duration), max_lease_duration).count());
    double time = static_cast<double>(retry.backoff.count()) * std::pow(retry.multiplier, attempt - 2);
    time = std::min(time, longest);
    if (retry.jitter > 0.0) {
        thread_local std::minstd_rand random{std::random_device{}()};
        time *= 1.0 - retry.jitter * std::generate_canonical<double, 32>(random);
    }
    return Duration(std::llround(time));
}

/// A wait that is not between these is refused by the storage.
std::chrono::steady_clock::time_point deadline_after(Duration wait) {
    return std::chrono::steady_clock::now() + std::clamp(wait, Duration(0), max_lease_duration);
}

/// What is left of a wait: registering a consumer takes part of it.
Duration time_until(std::chrono::steady_clock::time_point deadline) {
    return std::max(Duration(0), std::chrono::ceil<Duration>(deadline - std::chrono::steady_clock::now()));
}

/// Adds the lease id to a StorageError that does not contain it.
std::exception_ptr traceable(const std::exception_ptr& error, LeaseId lease) {
    try {
        std::rethrow_exception(error);
    } catch (const StorageError& failed) {
        return failed.lease_id() ? error : std::make_exception_ptr(failed.about(lease));
    } catch (...) {
        return error;
    }
}

}  // namespace

ProxyManager::Core::Core(std::shared_ptr<IStorage> store, ManagerOptions manager_options)
    : storage(std::move(store)), options(std::move(manager_options)) {
    if (storage == nullptr) throw ValidationError("storage", {}, "is null");
    if (options.clock == nullptr) throw ValidationError("clock", {}, "is null");
}

void ProxyManager::Core::report(std::string_view where) const noexcept {
    try {
        if (options.on_error) options.on_error(where, std::current_exception());
    } catch (...) {
        // An exception of the error hook cannot be reported.
        static_cast<void>(where);
    }
}

template <class Payload>
void ProxyManager::Core::notify(const typename Callbacks<Payload>::List& list, Payload payload,
                                std::string_view where) {
    if (wants_stats(list)) {
        try {
            payload.pool_stats = storage->get_pool_stats({.pool = payload.pool_name});
        } catch (...) {
            report("pool statistics for a callback");
        }
    }
    for (const auto& entry : list) {
        try {
            Payload copy = payload;
            if (!entry.options.pool_stats) copy.pool_stats.reset();
            entry.callback(std::move(copy));
        } catch (...) {
            report(where);
        }
    }
}

void ProxyManager::Core::notify_ended(const std::vector<Lease>& leases) {
    if (leases.empty()) return;
    const auto list = release_callbacks.list();
    if (list->empty()) return;
    for (const Lease& lease : leases) {
        ReleaseEventPayload event{.lease = lease, .pool_name = lease.pool_name};
        event.reason = lease.release_reason.value_or(ReleaseReason::released);
        event.released_at = lease.released_at.value_or(lease.expires_at);
        event.lease_duration = std::max(std::chrono::microseconds(0), event.released_at - lease.acquired_at);
        notify<ReleaseEventPayload>(*list, std::move(event), "release callback");
    }
}

bool ProxyManager::Core::registers(const std::string& consumer) const {
    return options.register_unknown_consumers || consumer == default_consumer_name;
}

AcquireResult ProxyManager::Core::acquire_from_storage(AcquireRequest& request) {
    const auto deadline =
        deadline_after(request.wait);  // NOLINT(clang-analyzer-deadcode.DeadStores): read after a throw
    try {
        try {
            return storage->acquire(request, closing.get_token());
        } catch (const ConsumerNotFoundError&) {
            if (!registers(request.consumer)) throw;
        }
        storage->ensure_consumer({.name = request.consumer});
        request.wait = time_until(deadline);
        return storage->acquire(request, closing.get_token());
    } catch (const StorageError&) {
        std::rethrow_exception(traceable(std::current_exception(), request.lease_id));
    }
}

void ProxyManager::Core::notify_acquired(const AcquireRequest& request, const AcquireResult& result,
                                         Started started) {
    notify_ended(result.expired);
    const auto list = acquire_callbacks.list();
    if (list->empty() || result.replayed) return;  // the event was fired when the lease was created
    const auto took = std::chrono::steady_clock::now() - started.steady;
    AcquireEventPayload event{.pool_name = request.pool,
                              .consumer_name = request.consumer,
                              .filters = request.filters,
                              .selector = request.selector,
                              .started_at = started.at,
                              .completed_at = options.clock->now(),
                              .duration = std::chrono::duration_cast<std::chrono::microseconds>(took)};
    if (result) {
        event.lease = result.lease();
    } else {
        event.miss = result.miss();
    }
    notify<AcquireEventPayload>(*list, std::move(event), "acquire callback");
}

AcquireResult ProxyManager::Core::acquire(AcquireRequest request) {
    rules::fill_in_defaults(request);
    if (closing.stop_requested()) return Miss::cancelled;
    Started started{};
    if (!acquire_callbacks.list()->empty())
        started = {.at = options.clock->now(), .steady = std::chrono::steady_clock::now()};
    AcquireResult result = acquire_from_storage(request);
    notify_acquired(request, result, started);
    return result;
}

void ProxyManager::Core::acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) {
    rules::fill_in_defaults(request);
    if (closing.stop_requested()) return done(AcquireResult(Miss::cancelled));
    const auto pending = std::make_shared<PendingAcquire>();
    pending->started = {.at = options.clock->now(), .steady = std::chrono::steady_clock::now()};
    pending->deadline = deadline_after(request.wait);
    pending->request = std::move(request);
    pending->done = std::move(done);
    const auto forward = [source = pending->stop]() mutable { source.request_stop(); };
    pending->by_caller.emplace(std::move(stop), forward);
    pending->by_close.emplace(closing.get_token(), forward);
    start(pending);
}

void ProxyManager::Core::start(const std::shared_ptr<PendingAcquire>& pending) {
    storage->acquire_async(
        pending->request,
        [self = shared_from_this(), pending](AcquireOutcome outcome) {
            if (!outcome.error()) {
                self->notify_acquired(pending->request, *outcome.result(), pending->started);
                return pending->done(std::move(outcome));
            }
            std::exception_ptr error = outcome.error();
            try {
                if (self->registers_after(error, *pending)) return self->start(pending);
            } catch (...) {
                error = std::current_exception();
            }
            pending->done(traceable(error, pending->request.lease_id));
        },
        pending->stop.get_token());
}

/// Whether the error was an unknown consumer, which is registered now.
bool ProxyManager::Core::registers_after(const std::exception_ptr& error, PendingAcquire& pending) {
    const std::string& consumer = pending.request.consumer;
    if (!registers(consumer) || std::exchange(pending.registered, true)) return false;
    try {
        std::rethrow_exception(error);
    } catch (const ConsumerNotFoundError&) {
        storage->ensure_consumer({.name = consumer});
        pending.request.wait = time_until(pending.deadline);
        return true;
    } catch (...) {
        return false;
    }
}

namespace {

/// Excludes a proxy that was not accepted. If the filter has reached its limit, the oldest one is removed.
void exclude(std::vector<ProxyId>& excluded, std::size_t by_caller, ProxyId proxy) {
    if (excluded.size() >= max_excluded) {
        if (by_caller >= max_excluded) return;
        excluded.erase(std::next(excluded.begin(), static_cast<std::ptrdiff_t>(by_caller)));
    }
    excluded.push_back(proxy);
}

}  // namespace

AcquireResult ProxyManager::Core::acquire_with_retry(AcquireRequest request, const RetryOptions& retry) {
    validate(retry);
    const std::size_t own_excluded = request.filters.exclude.size();
    bool draws_ids = false;
    const auto started = std::chrono::steady_clock::now();
    for (int attempt = 1;; ++attempt) {
        if (request.lease_id.is_nil()) {
            draws_ids = true;
            request.lease_id = LeaseId::make();
            request.lease_id_is_new = true;
        }
        const bool last = attempt == retry.attempts;
        AcquireResult result = Miss::none_available;
        std::exception_ptr failure;
        try {
            result = acquire(request);
            if (draws_ids && !request.lease_id_is_new && !result && result.miss() == Miss::lease_ended) {
                // The lease of an earlier attempt, whose answer was lost, has ended.
                request.lease_id = LeaseId::make();
                request.lease_id_is_new = true;
                result = acquire(request);
            }
        } catch (const StorageError& error) {
            if (!error.retryable() || last) throw;
            failure = std::current_exception();
            request.lease_id_is_new = false;  // it may have been leased
        }
        if (result) {
            if (is_accepted(retry, result)) return result;
            exclude(request.filters.exclude, own_excluded, result.proxy().id);
            request.lease_id = LeaseId{};  // that lease has ended: the next attempt generates another id
            result = Miss::nothing_matches;
        }
        if (!failure && (last || is_final(result))) return result;
        const Duration time = pause_before(attempt + 1, retry);
        const bool too_late =
            retry.deadline &&
            std::chrono::ceil<Duration>(std::chrono::steady_clock::now() - started) + time > *retry.deadline;
        if (!too_late) pause(retry, time);
        if (!too_late && !closing.stop_requested()) continue;
        // A store failure is not a miss, and its outcome may be unknown.
        if (failure) std::rethrow_exception(failure);
        return too_late ? result : AcquireResult(Miss::cancelled);
    }
}

bool ProxyManager::Core::is_accepted(const RetryOptions& retry, const AcquireResult& result) {
    const ReleaseRequest unwanted{.lease_id = result.lease().id, .pool = result.lease().pool_name};
    try {
        if (!retry.accept || retry.accept(result.leased())) return true;
    } catch (...) {
        const std::exception_ptr thrown = std::current_exception();
        try {
            release(unwanted);
        } catch (...) {
            report("release of a lease that was not accepted");  // it ends by expiry
        }
        std::rethrow_exception(thrown);
    }
    release(unwanted);
    return false;
}

void ProxyManager::Core::pause(const RetryOptions& retry, Duration time) const {
    if (time <= Duration(0)) return;
    if (retry.sleep) return retry.sleep(time);
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, closing.get_token(), time, [] { return false; });
}

ReleaseResult ProxyManager::Core::release(const ReleaseRequest& request) {
    ReleaseResult result = storage->release_lease(request);
    if (result.released && result.lease && !release_callbacks.list()->empty()) notify_ended({*result.lease});
    return result;
}

RenewResult ProxyManager::Core::renew(const RenewRequest& request) {
    return require_lease_control(*storage).renew_lease(request);
}

std::vector<RenewResult> ProxyManager::Core::renew_many(const std::vector<RenewRequest>& requests) {
    ILeaseControl& control = require_lease_control(*storage);
    if (requests.size() == 1) return {control.renew_lease(requests.front())};
    return control.renew_many(requests);
}

std::int64_t ProxyManager::Core::cleanup() {
    const bool collect = !release_callbacks.list()->empty();
    const CleanupResult result = storage->cleanup_expired_leases({.collect = collect});
    notify_ended(result.leases);
    return result.count;
}

void ProxyManager::Core::remember(std::weak_ptr<Holding> holding) {
    const std::lock_guard lock(holdings_mutex_);
    // Destroyed ones are removed when the list has doubled since the last removal: amortised constant cost.
    if (holdings_.size() == holdings_.capacity()) {
        std::erase_if(holdings_, [](const auto& held) { return held.expired(); });
        holdings_.reserve(2 * holdings_.size() + 16);
    }
    holdings_.push_back(std::move(holding));
}

void ProxyManager::Core::close() noexcept {
    closing.request_stop();
    std::vector<std::weak_ptr<Holding>> holdings;
    {
        const std::lock_guard lock(holdings_mutex_);
        holdings.swap(holdings_);
    }
    for (const auto& weak : holdings) {
        if (const auto holding = weak.lock()) {
            holding->report_leak();
            holding->close();
        }
    }
}

// ---- The public class

ProxyManager::ProxyManager(std::shared_ptr<IStorage> storage, ManagerOptions options)
    : core_(std::make_shared<Core>(std::move(storage), std::move(options))) {}
ProxyManager::~ProxyManager() {
    core_->close();
    // A renewal in progress shares the core, but must not call the caller's hooks after this.
    core_->scheduler.stop();
    core_->alarms.stop();
}
void ProxyManager::close() noexcept { core_->close(); }

AcquireResult ProxyManager::acquire(AcquireRequest request) { return core_->acquire(std::move(request)); }

AcquireResult ProxyManager::acquire_with_retry(AcquireRequest request, const RetryOptions& retry) {
    return core_->acquire_with_retry(std::move(request), retry);
}

void ProxyManager::acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) {
    core_->acquire_async(std::move(request), std::move(done), std::move(stop));
}

ReleaseResult ProxyManager::release(const Lease& lease) {
    return core_->release({.lease_id = lease.id, .pool = lease.pool_name});
}
ReleaseResult ProxyManager::release(const ReleaseRequest& request) { return core_->release(request); }

RenewResult ProxyManager::renew(const Lease& lease, Duration duration) {
    return core_->renew({.lease_id = lease.id, .duration = duration, .pool = lease.pool_name});
}
RenewResult ProxyManager::renew(const RenewRequest& request) { return core_->renew(request); }

std::int64_t ProxyManager::cleanup_expired_leases() { return core_->cleanup(); }

CallbackId ProxyManager::on_acquire(AcquireCallback callback, CallbackOptions options) {
    if (!callback) throw ValidationError("callback", {}, "is empty");
    const CallbackId id{++core_->last_callback_id};
    core_->acquire_callbacks.add(id, std::move(callback), options);
    return id;
}

CallbackId ProxyManager::on_release(ReleaseCallback callback, CallbackOptions options) {
    if (!callback) throw ValidationError("callback", {}, "is empty");
    const CallbackId id{++core_->last_callback_id};
    core_->release_callbacks.add(id, std::move(callback), options);
    return id;
}

bool ProxyManager::unregister(CallbackId id) {
    return core_->acquire_callbacks.remove(id) || core_->release_callbacks.remove(id);
}

IStorage& ProxyManager::storage() const noexcept { return *core_->storage; }

}  // namespace pharox
