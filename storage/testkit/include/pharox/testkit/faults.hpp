// A decorator whose calls fail at random, as calls of a server over a network do.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox::testkit {

struct FaultOptions {
    /// If the same calls are made in the same order, the same seed makes the same ones fail.
    std::uint64_t seed = 1;
    double before = 0.0;  ///< the probability, 0 to 1, that a call fails without being executed
    double after = 0.0;   ///< the probability that a call is executed and its answer is lost
    /// acquire and batches use the defaults of IStorage, so that each of the six methods they call may fail.
    /// Otherwise the wrapped storage executes them, and each is one call that may fail.
    bool only_the_six = false;
};

/// Forwards each call, or throws a retryable StorageError instead: without calling the wrapped storage, or
/// after the call, with outcome_unknown(). Calls of the catalog, the health log and maintenance never fail.
/// Thread-safe.
class FaultyDecorator : public ForwardingStorage, private ILeaseControl {
  public:
    FaultyDecorator(std::shared_ptr<IStorage> inner, FaultOptions options)
        : ForwardingStorage(std::move(inner)), options_(options), random_(options.seed) {}

    /// From now on no call fails.
    void heal() {
        const std::lock_guard lock(mutex_);
        options_.before = options_.after = 0.0;
    }
    /// How many calls have failed.
    [[nodiscard]] std::int64_t faults() const {
        const std::lock_guard lock(mutex_);
        return faults_;
    }

    FindResult find_available_proxy(const FindRequest& request) override {
        return may_fail("find_available_proxy", LeaseId(),
                        [&] { return inner().find_available_proxy(request); });
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return may_fail("create_lease", request.lease_id, [&] { return inner().create_lease(request); });
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        return may_fail("ensure_consumer", LeaseId(), [&] { return inner().ensure_consumer(request); });
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        return may_fail("release_lease", request.lease_id, [&] { return inner().release_lease(request); });
    }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return may_fail("cleanup_expired_leases", LeaseId(),
                        [&] { return inner().cleanup_expired_leases(request); });
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        return may_fail("get_pool_stats", LeaseId(), [&] { return inner().get_pool_stats(request); });
    }
    // NOLINTBEGIN(bugprone-parent-virtual-call): the defaults of IStorage are called on purpose
    AcquireResult try_acquire(const AcquireRequest& request) override {
        if (options_.only_the_six) return IStorage::try_acquire(request);
        return may_fail("acquire", request.lease_id, [&] { return ForwardingStorage::try_acquire(request); });
    }
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        if (options_.only_the_six) return IStorage::acquire_many(request);
        return may_fail("acquire_many", LeaseId(), [&] { return inner().acquire_many(request); });
    }
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override {
        if (options_.only_the_six) return IStorage::release_many(requests);
        return may_fail("release_many", LeaseId(), [&] { return inner().release_many(requests); });
    }
    // NOLINTEND(bugprone-parent-virtual-call)
    ILeaseControl* lease_control() override { return inner().lease_control() == nullptr ? nullptr : this; }

  private:
    RenewResult renew_lease(const RenewRequest& request) override {
        return may_fail("renew_lease", request.lease_id,
                        [&] { return inner().lease_control()->renew_lease(request); });
    }
    std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests) override {
        if (options_.only_the_six) return ILeaseControl::renew_many(requests);
        return may_fail("renew_many", LeaseId(),
                        [&] { return inner().lease_control()->renew_many(requests); });
    }
    ReleaseResult revoke_lease(const RevokeRequest& request) override {
        return may_fail("revoke_lease", request.lease_id,
                        [&] { return inner().lease_control()->revoke_lease(request); });
    }
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override {
        return may_fail("get_lease", request.lease_id,
                        [&] { return inner().lease_control()->get_lease(request); });
    }
    Page<Lease> list_leases(const ListLeasesRequest& request) override {
        return may_fail("list_leases", LeaseId(),
                        [&] { return inner().lease_control()->list_leases(request); });
    }

    template <class Call>
    std::invoke_result_t<const Call&> may_fail(std::string_view operation, LeaseId lease, const Call& call) {
        bool before = false;
        bool after = false;
        {
            const std::lock_guard lock(mutex_);
            const double drawn = std::uniform_real_distribution<double>()(random_);
            before = drawn < options_.before;
            after = !before && drawn < options_.before + options_.after;
        }
        if (before) fail(operation, lease, false);
        auto answer = call();  // an exception of the store itself is passed on
        if (after) fail(operation, lease, true);
        return answer;
    }
    [[noreturn]] void fail(std::string_view operation, LeaseId lease, bool outcome_unknown) {
        {
            const std::lock_guard lock(mutex_);
            ++faults_;
        }
        StorageError::Details details{.store = "faulty",
                                      .operation = std::string(operation),
                                      .retryable = true,
                                      .outcome_unknown = outcome_unknown,
                                      .backoff = std::chrono::milliseconds(0)};
        if (!lease.is_nil()) details.lease_id = lease;
        throw StorageError(std::move(details),
                           outcome_unknown ? "the answer was lost" : "the store did not answer");
    }

    mutable std::mutex mutex_;
    FaultOptions options_;
    std::mt19937_64 random_;
    std::int64_t faults_ = 0;
};
using FaultyStorage = Sealed<FaultyDecorator>;

}  // namespace pharox::testkit
