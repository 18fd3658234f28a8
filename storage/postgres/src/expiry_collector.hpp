// Ends expired leases, and forgets ended ones.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>
#include <vector>

#include "database.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::postgres {

/// Called when something became available in the pool, or without a name in any.
using OnAvailable = std::function<void(std::string_view pool)>;

/// Thread-safe.
class ExpiryCollector {
  public:
    ExpiryCollector(Database& database, ExpiryReports& reports, OnAvailable on_available)
        : database_(database), reports_(reports), on_available_(std::move(on_available)) {}

    CleanupResult cleanup(const CleanupRequest& request);

    /// Ends expired leases, a batch at a time. With `wait`, also those on proxies that other transactions
    /// have locked: afterwards none is left that had expired before.
    std::vector<Lease> collect(const Operation& operation, bool wait);
    /// After a grant that saw expired leases: at most once a second ends one batch of leases on unlocked
    /// proxies. Does not throw StorageError.
    void collect_sometimes(const Operation& operation, Expired& expired);
    /// After so many leases ended: forgets up to twice as many, in batches, and warns of transactions that
    /// have been open for long. Does not throw StorageError.
    void prune_after(std::size_t ended);

  private:
    /// One batch. Whether there may be more.
    bool collect_batch(const Operation& operation, bool wait, std::vector<Lease>& ended);
    bool prune_batch();
    void check_open_transactions_sometimes();

    Database& database_;
    ExpiryReports& reports_;
    OnAvailable on_available_;
    std::atomic<std::size_t> ended_{0};
    std::atomic<SteadyTime> next_check_{SteadyTime::min()};
    std::atomic<SteadyTime> next_collection_{std::chrono::steady_clock::now() + std::chrono::seconds(1)};
};

}  // namespace pharox::postgres
