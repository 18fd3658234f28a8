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
AcquireResult ForwardingStorage::acquire(const AcquireRequest& request) { return inner_->acquire(request); }
ICatalog* ForwardingStorage::catalog() { return inner_->catalog(); }
ILeaseControl* ForwardingStorage::lease_control() { return inner_->lease_control(); }

}  // namespace pharox
