// The base of every decorator: hands each call on to another storage.
#pragma once

#include <memory>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Override what you change; the rest is forwarded. core/test/storage/forwarding_storage_test.cpp reads the
/// virtual tables and fails when IStorage has a virtual function that this class does not override.
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
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop) override;
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
