// Hides all that an adapter adds to the six required methods.
#pragma once

#include <memory>
#include <utility>

#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// Forwards the six and nothing else, so that every other method is IStorage's default, and every capability
/// is absent: that is why it derives from IStorage, and not from the forwarding base. For checking that the
/// defaults are true, and that a store's own methods agree with them.
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

    /// What is hidden: for putting pools and proxies into it.
    [[nodiscard]] IStorage& inner() const noexcept { return *inner_; }

  private:
    std::shared_ptr<IStorage> inner_;
};
using OnlyTheSix = Sealed<OnlyTheSixAdapter>;

}  // namespace pharox::testkit
