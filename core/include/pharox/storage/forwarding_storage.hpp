// The base of every decorator: forwards calls to the storage that it wraps.
#pragma once

#include <memory>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Override what you change; the rest is forwarded, with two exceptions, so that every lease passes through
/// the overrides of the outermost decorator:
///   - acquire and acquire_async call this object's try_acquire for each attempt; waiting requests share the
///     queue of the wrapped storage;
///   - acquire_many and release_many call this object's try_acquire and release_lease one by one. A decorator
///     that need not see each lease overrides them with `return inner().acquire_many(request);`.
/// try_acquire is forwarded as such: it does not pass through find_available_proxy and create_lease.
/// core/test/storage/forwarding_storage_test.cpp reads the virtual tables and fails when IStorage has a
/// virtual function that this class does not override. Objects are made as Sealed<Decorator>.
class ForwardingStorage : public IStorage {
  public:
    /// Throws ValidationError where `inner` is null.
    explicit ForwardingStorage(std::shared_ptr<IStorage> inner);

    FindResult find_available_proxy(const FindRequest& request) override;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override;
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override;
    ReleaseResult release_lease(const ReleaseRequest& request) override;
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override;
    PoolStats get_pool_stats(const PoolStatsRequest& request) override;
    AcquireResult try_acquire(const AcquireRequest& request) override;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override;
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override;
    ICatalog* catalog() override;
    ILeaseControl* lease_control() override;
    IHealthLog* health_log() override;
    IMaintenance* maintenance() override;

  protected:
    [[nodiscard]] IStorage& inner() const noexcept { return *inner_; }

  private:
    std::shared_ptr<IStorage> inner_;
};

}  // namespace pharox
