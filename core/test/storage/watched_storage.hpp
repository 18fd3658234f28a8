// A storage that a test observes and disturbs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/lease_control.hpp"

/// Counts the calls, and runs `before` ahead of each one, which may block or throw.
class WatchedStorage : public pharox::ForwardingStorage, public pharox::ILeaseControl {
  public:
    using ForwardingStorage::ForwardingStorage;
    using Hook = std::function<void(std::string_view call)>;

    void set_before(Hook hook) {
        const std::lock_guard lock(mutex_);
        before_ = std::move(hook);
    }
    [[nodiscard]] int calls(const std::string& call) const {
        const std::lock_guard lock(mutex_);
        const auto found = calls_.find(call);
        return found == calls_.end() ? 0 : found->second;
    }

    pharox::FindResult find_available_proxy(const pharox::FindRequest& request) override {
        note("find");
        return ForwardingStorage::find_available_proxy(request);
    }
    pharox::LeasedProxy create_lease(const pharox::CreateLeaseRequest& request) override {
        note("create");
        return ForwardingStorage::create_lease(request);
    }
    pharox::ConsumerId ensure_consumer(const pharox::EnsureConsumerRequest& request) override {
        note("ensure");
        return ForwardingStorage::ensure_consumer(request);
    }
    pharox::ReleaseResult release_lease(const pharox::ReleaseRequest& request) override {
        note("release");
        return ForwardingStorage::release_lease(request);
    }
    pharox::CleanupResult cleanup_expired_leases(const pharox::CleanupRequest& request) override {
        note("cleanup");
        return ForwardingStorage::cleanup_expired_leases(request);
    }
    pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest& request) override {
        note("stats");
        return ForwardingStorage::get_pool_stats(request);
    }
    pharox::AcquireResult try_acquire(const pharox::AcquireRequest& request) override {
        note("acquire");
        return ForwardingStorage::try_acquire(request);
    }
    pharox::ILeaseControl* lease_control() override { return this; }

    pharox::RenewResult renew_lease(const pharox::RenewRequest& request) override {
        note("renew");
        return inner().lease_control()->renew_lease(request);
    }
    std::vector<pharox::RenewResult> renew_many(const std::vector<pharox::RenewRequest>& requests) override {
        note("renew_many");
        return inner().lease_control()->renew_many(requests);
    }
    pharox::ReleaseResult revoke_lease(const pharox::RevokeRequest& request) override {
        note("revoke");
        return inner().lease_control()->revoke_lease(request);
    }
    pharox::Page<pharox::Lease> list_leases(const pharox::ListLeasesRequest& request) override {
        note("list");
        return inner().lease_control()->list_leases(request);
    }
    std::optional<pharox::Lease> get_lease(const pharox::GetLeaseRequest& request) override {
        note("get");
        return inner().lease_control()->get_lease(request);
    }

  private:
    void note(const std::string& call) {
        Hook hook;
        {
            const std::lock_guard lock(mutex_);
            ++calls_[call];
            hook = before_;
        }
        if (hook) hook(call);
    }

    mutable std::mutex mutex_;
    std::map<std::string, int> calls_;
    Hook before_;
};
