#include "pharox/storage/forwarding_storage.hpp"

namespace pharox {

ForwardingStorage::ForwardingStorage(std::shared_ptr<IStorage> inner) : inner_(std::move(inner)) {
    if (inner_ == nullptr) throw ValidationError("inner", {}, "is null");
}

FindResult ForwardingStorage::find_available_proxy(const FindRequest& request) {
    return inner_->find_available_proxy(request);
}
LeasedProxy ForwardingStorage::create_lease(const CreateLeaseRequest& request) {
    return inner_->create_lease(request);
}
ConsumerId ForwardingStorage::ensure_consumer(const EnsureConsumerRequest& request) {
    return inner_->ensure_consumer(request);
}
ReleaseResult ForwardingStorage::release_lease(const ReleaseRequest& request) {
    return inner_->release_lease(request);
}
CleanupResult ForwardingStorage::cleanup_expired_leases(const CleanupRequest& request) {
    return inner_->cleanup_expired_leases(request);
}
PoolStats ForwardingStorage::get_pool_stats(const PoolStatsRequest& request) {
    return inner_->get_pool_stats(request);
}
AcquireResult ForwardingStorage::try_acquire(const AcquireRequest& request) {
    if (request.wait == Duration(0)) return inner_->acquire(request);  // behind those who wait there
    AcquireRequest now = request;
    now.wait = Duration(0);
    return inner_->acquire(now);
}
void ForwardingStorage::acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) {
    inner_->acquire_async(std::move(request), std::move(done), std::move(stop));
}
AcquireManyResult ForwardingStorage::acquire_many(const AcquireManyRequest& request) {
    return inner_->acquire_many(request);
}
std::vector<ReleaseResult> ForwardingStorage::release_many(const std::vector<ReleaseRequest>& requests) {
    return inner_->release_many(requests);
}
ICatalog* ForwardingStorage::catalog() { return inner_->catalog(); }
ILeaseControl* ForwardingStorage::lease_control() { return inner_->lease_control(); }
IHealthLog* ForwardingStorage::health_log() { return inner_->health_log(); }
IMaintenance* ForwardingStorage::maintenance() { return inner_->maintenance(); }

}  // namespace pharox
