// The base of every decorator: forwards calls to the storage that it wraps.
#pragma once

#include <memory>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// A decorator derives from this class and overrides the functions that it changes; instantiate it as
/// Sealed<Decorator>. Every function calls the same function of the wrapped storage, with these exceptions,
/// which make every lease pass through the decorator's own try_acquire and release_lease:
///   - acquire and acquire_async make each attempt by this object's try_acquire. Requests that wait share the
///     queue of the wrapped storage.
///   - acquire_many and release_many call this object's try_acquire and release_lease, one lease at a time.
///     A decorator that need not see each lease overrides them: `return inner().acquire_many(request);`.
/// try_acquire calls the wrapped storage's try_acquire, so an override of find_available_proxy or
/// create_lease does not see an acquire.
/// A test (core/test/storage/forwarding_storage_test.cpp) fails if IStorage has a virtual function that this
/// class does not override.
class ForwardingStorage : public IStorage {
  public:
    /// Throws ValidationError if `inner` is null.
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
