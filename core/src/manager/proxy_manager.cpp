#include "pharox/manager/proxy_manager.hpp"

#include "manager/manager_core.hpp"

namespace pharox {
namespace {

template <class List>
bool wants_stats(const List& list) {
    return std::any_of(list.begin(), list.end(), [](const auto& entry) { return entry.options.pool_stats; });
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
        // The hook is the last one who could have been told.
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

void ProxyManager::Core::tell_ended(const std::vector<Lease>& leases) {
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

AcquireResult ProxyManager::Core::acquire_traceably(const AcquireRequest& request) {
    try {
        return acquire_registered(request);
    } catch (const StorageError& error) {
        if (error.lease_id()) throw;
        throw error.about(request.lease_id);
    }
}

AcquireResult ProxyManager::Core::acquire_registered(const AcquireRequest& request) {
    const bool is_default = request.consumer == default_consumer_name;
    if (is_default && !default_consumer_known_) {
        storage->ensure_consumer({.name = request.consumer});
        default_consumer_known_ = true;
    }
    try {
        return storage->acquire(request);
    } catch (const ConsumerNotFoundError&) {
        if (!is_default && !options.register_unknown_consumers) throw;
    }
    storage->ensure_consumer({.name = request.consumer});
    return storage->acquire(request);
}

AcquireResult ProxyManager::Core::acquire(AcquireRequest request) {
    if (request.consumer.empty()) request.consumer = default_consumer_name;
    if (request.lease_id.is_nil()) request.lease_id = LeaseId::make();
    validate(request);
    const auto list = acquire_callbacks.list();
    if (list->empty()) {
        AcquireResult result = acquire_traceably(request);
        tell_ended(result.expired);
        return result;
    }
    const Timestamp started_at = options.clock->now();
    const auto started = std::chrono::steady_clock::now();
    AcquireResult result = acquire_traceably(request);
    const auto took = std::chrono::steady_clock::now() - started;
    tell_ended(result.expired);
    if (result.replayed) return result;  // its event was fired when it was made
    AcquireEventPayload event{.pool_name = request.pool,
                              .consumer_name = request.consumer,
                              .filters = request.filters,
                              .selector = request.selector,
                              .started_at = started_at,
                              .completed_at = options.clock->now(),
                              .duration = std::chrono::duration_cast<std::chrono::microseconds>(took)};
    if (result) {
        event.lease = result.lease();
    } else {
        event.miss = result.miss();
    }
    notify<AcquireEventPayload>(*list, std::move(event), "acquire callback");
    return result;
}

ReleaseResult ProxyManager::Core::release(const ReleaseRequest& request) {
    ReleaseResult result = storage->release_lease(request);
    if (result.released && result.lease) tell_ended({*result.lease});
    return result;
}

RenewResult ProxyManager::Core::renew(const RenewRequest& request) {
    return require_lease_control(*storage).renew_lease(request);
}

std::int64_t ProxyManager::Core::cleanup() {
    const bool collect = !release_callbacks.list()->empty();
    const CleanupResult result = storage->cleanup_expired_leases({.collect = collect});
    tell_ended(result.leases);
    return result.count;
}

// ---- The public face
// ------------------------------------------------------------------------------------------------

ProxyManager::ProxyManager(std::shared_ptr<IStorage> storage, ManagerOptions options)
    : core_(std::make_shared<Core>(std::move(storage), std::move(options))) {}
ProxyManager::~ProxyManager() = default;

AcquireResult ProxyManager::acquire(AcquireRequest request) { return core_->acquire(std::move(request)); }

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
