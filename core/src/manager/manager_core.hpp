// What a manager and the leases that it holds share.
#pragma once

#include <atomic>
#include <string_view>

#include "manager/callbacks.hpp"
#include "manager/renewer.hpp"
#include "pharox/manager/proxy_manager.hpp"

namespace pharox {

class ProxyManager::Core {
  public:
    Core(std::shared_ptr<IStorage> store, ManagerOptions manager_options);

    AcquireResult acquire(AcquireRequest request);
    ReleaseResult release(const ReleaseRequest& request);
    RenewResult renew(const RenewRequest& request);
    std::int64_t cleanup();
    void report(std::string_view where) const noexcept;  ///< hands the current exception to the error hook

    std::shared_ptr<IStorage> storage;
    ManagerOptions options;
    Callbacks<AcquireEventPayload> acquire_callbacks;
    Callbacks<ReleaseEventPayload> release_callbacks;
    std::atomic<std::uint64_t> last_callback_id{0};
    Renewer renewer;

  private:
    /// A StorageError carries the lease id, whether or not the store put it there.
    AcquireResult acquire_traceably(const AcquireRequest& request);
    AcquireResult acquire_registered(const AcquireRequest& request);
    template <class Payload>
    void notify(const typename Callbacks<Payload>::List& list, Payload payload, std::string_view where);
    void tell_ended(const std::vector<Lease>& leases);

    std::atomic<bool> default_consumer_known_{false};
};

}  // namespace pharox
