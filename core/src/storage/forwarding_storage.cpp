#include "pharox/storage/forwarding_storage.hpp"

namespace pharox {

namespace {

IStorage& checked(const std::shared_ptr<IStorage>& inner) {
    if (inner == nullptr) throw ValidationError("inner", {}, "is null");
    return *inner;
}

}  // namespace

ForwardingStorage::ForwardingStorage(std::shared_ptr<IStorage> inner)
    : IStorage(SharesQueueOf{checked(inner)}), inner_(std::move(inner)) {}

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
    return inner_->try_acquire(request);
}
// The defaults of IStorage, by this object's try_acquire and release_lease.
AcquireManyResult ForwardingStorage::acquire_many(const AcquireManyRequest& request) {
    return IStorage::acquire_many(request);
}
std::vector<ReleaseResult> ForwardingStorage::release_many(const std::vector<ReleaseRequest>& requests) {
    return IStorage::release_many(requests);
}
ICatalog* ForwardingStorage::catalog() { return inner_->catalog(); }
ILeaseControl* ForwardingStorage::lease_control() { return inner_->lease_control(); }
IHealthLog* ForwardingStorage::health_log() { return inner_->health_log(); }
IMaintenance* ForwardingStorage::maintenance() { return inner_->maintenance(); }

}  // namespace pharox
