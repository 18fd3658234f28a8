// Shared by a manager and its held leases.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <vector>

#include "manager/callbacks.hpp"
#include "manager/renewals.hpp"
#include "manager/scheduler.hpp"
#include "pharox/manager/proxy_manager.hpp"

namespace pharox {

/// The manager's view of a held lease.
class Holding {
  public:
    virtual ~Holding() = default;
    /// Ends the lease and requests a stop on its lost() token.
    virtual void close() noexcept = 0;
    /// Calls the leak hook, once, if the lease is still held.
    virtual void report_leak() noexcept = 0;
};

class ProxyManager::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(std::shared_ptr<IStorage> store, ManagerOptions manager_options);

    AcquireResult acquire(AcquireRequest request);
    ReleaseResult release(const ReleaseRequest& request);
    RenewResult renew(const RenewRequest& request);
    std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests);
    std::int64_t cleanup();
    void acquire_async(AcquireRequest request, AcquireCompletion done, std::stop_token stop);
    AcquireResult acquire_with_retry(AcquireRequest request, const RetryOptions& retry);
    void remember(std::weak_ptr<Holding> holding);
    void close() noexcept;
    void report(std::string_view where) const noexcept;  ///< passes the current exception to the error hook

    std::shared_ptr<IStorage> storage;
    ManagerOptions options;
    Callbacks<AcquireEventPayload> acquire_callbacks;
    Callbacks<ReleaseEventPayload> release_callbacks;
    std::atomic<std::uint64_t> last_callback_id{0};
    Scheduler scheduler{8};  ///< calls the store: one call that hangs delays no other renewal
    Scheduler alarms;        ///< never calls the store, so its tasks are on time even if all calls hang
    Renewals renewals{scheduler,
                      [this](const std::vector<RenewRequest>& requests) { return renew_many(requests); },
                      [this] { report("renewal of held leases"); }};
    std::stop_source closing;

  private:
    struct Started {
        Timestamp at;
        std::chrono::steady_clock::time_point steady;
    };

    /// An asynchronous acquire in progress.
    struct PendingAcquire {
        AcquireRequest request;
        Started started{};
        std::chrono::steady_clock::time_point deadline{};
        AcquireCompletion done;
        bool registered = false;  // this acquire has registered the consumer
        // Both the caller and close() may request a stop.
        std::stop_source stop{};
        std::optional<std::stop_callback<std::function<void()>>> by_caller{}, by_close{};
    };
    void start(const std::shared_ptr<PendingAcquire>& pending);
    bool registers_after(const std::exception_ptr& error, PendingAcquire& pending);
    /// Whether a consumer that the storage does not know is registered, and the acquire repeated. It is not
    /// registered before the storage has validated the request.
    [[nodiscard]] bool registers(const std::string& consumer) const;
    AcquireResult acquire_from_storage(AcquireRequest& request);
    void notify_acquired(const AcquireRequest& request, const AcquireResult& result, Started started);
    template <class Payload>
    void notify(const typename Callbacks<Payload>::List& list, Payload payload, std::string_view where);
    void notify_ended(const std::vector<Lease>& leases);
    void pause(const RetryOptions& retry, Duration time) const;
    /// Whether `retry.accept` accepts the lease. If not, or if it throws, the lease is released.
    bool is_accepted(const RetryOptions& retry, const AcquireResult& result);

    std::mutex holdings_mutex_;
    std::vector<std::weak_ptr<Holding>> holdings_;
};

}  // namespace pharox
