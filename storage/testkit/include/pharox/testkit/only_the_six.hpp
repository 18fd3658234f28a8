// A storage reduced to the six required methods.
#pragma once

#include <memory>
#include <utility>

#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// Forwards the six required methods to another storage. Every other method is the default of IStorage, and
/// there are no capabilities (therefore this class does not derive from ForwardingStorage). With it a test
/// checks the defaults, and compares a store's own methods with them.
class OnlyTheSixAdapter : public IStorage {
  public:
    explicit OnlyTheSixAdapter(std::shared_ptr<IStorage> inner) : inner_(std::move(inner)) {}

    FindResult find_available_proxy(const FindRequest& request) override {
        return inner_->find_available_proxy(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return inner_->create_lease(request);
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        return inner_->ensure_consumer(request);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        return inner_->release_lease(request);
    }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return inner_->cleanup_expired_leases(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        return inner_->get_pool_stats(request);
    }

    /// The wrapped storage, for inserting pools and proxies.
    [[nodiscard]] IStorage& inner() const noexcept { return *inner_; }

  private:
    std::shared_ptr<IStorage> inner_;
};
using OnlyTheSix = Sealed<OnlyTheSixAdapter>;

}  // namespace pharox::testkit
