// The in-memory storage, which is also the model that every other adapter is compared with.
#pragma once

#include <memory>
#include <vector>

#include "pharox/clock.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "pharox/storage/registry.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

class InMemoryState;

struct InMemoryOptions {
    std::shared_ptr<const Clock> clock = steady_clock();
    /// How long an ended lease is kept, to recognise a repeated id. 10 minutes to 10 years.
    Duration retention = std::chrono::hours(1);
    /// How many ended leases are kept after their first 10 minutes.
    std::size_t retained_leases = 100'000;
    /// How long (1 ms to 10 years), and how many for each proxy (1 to 1,000,000), health records are kept.
    Duration health_retention = std::chrono::days(7);
    std::size_t health_records_per_proxy = 1'000;
};

/// Thread-safe by one lock; not persistent. A find or acquire reads every proxy of the pool.
class InMemoryAdapter : public IStorage {
  public:
    /// Throws ValidationError.
    explicit InMemoryAdapter(InMemoryOptions options = {});
    ~InMemoryAdapter() override;

    FindResult find_available_proxy(const FindRequest& request) override;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override;
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override;
    ReleaseResult release_lease(const ReleaseRequest& request) override;
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override;
    PoolStats get_pool_stats(const PoolStatsRequest& request) override;
    AcquireResult try_acquire(const AcquireRequest& request) override;
    ICatalog* catalog() override;
    ILeaseControl* lease_control() override;
    IHealthLog* health_log() override;
    IMaintenance* maintenance() override;

    /// Shorthands for `catalog()->add_…`.
    ProxyPool add_pool(const ProxyPool& pool);
    Proxy add_proxy(const Proxy& proxy);
    Consumer add_consumer(const Consumer& consumer);

  private:
    std::unique_ptr<InMemoryState> state_;
};
using InMemoryStorage = Sealed<InMemoryAdapter>;

/// `memory:` — a new, empty storage for each open(), with the options `?retention_ms=…&retained_leases=…&
/// health_retention_ms=…&health_records_per_proxy=…`.
void register_memory(StorageRegistry& registry);

}  // namespace pharox
