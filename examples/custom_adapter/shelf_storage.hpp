// A storage with only the six methods, in one file: for one process and some thousand proxies. Acknowledged
// changes survive the death of the process.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <random>

#include <pharox/pharox.hpp>

#include "shelf_journal.hpp"

namespace shelf {

class ShelfStorage : public pharox::IStorage {
  public:
    /// Opens the shelf in the folder, or creates an empty one. Throws StorageError.
    ShelfStorage(const std::filesystem::path& folder, std::shared_ptr<const pharox::Clock> clock);

    pharox::FindResult find_available_proxy(const pharox::FindRequest& request) override;
    pharox::LeasedProxy create_lease(const pharox::CreateLeaseRequest& request) override;
    pharox::ConsumerId ensure_consumer(const pharox::EnsureConsumerRequest& request) override;
    pharox::ReleaseResult release_lease(const pharox::ReleaseRequest& request) override;
    pharox::CleanupResult cleanup_expired_leases(const pharox::CleanupRequest& request) override;
    pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest& request) override;

    /// The shelf has no catalog; these functions fill it.
    void add_pool(const pharox::ProxyPool& pool);
    void add_proxy(const pharox::Proxy& proxy);

  private:
    pharox::Timestamp now() { return journal_.advance(clock_->now()); }

    std::shared_ptr<const pharox::Clock> clock_;
    std::mutex mutex_;  // guards what follows
    Journal journal_;
    std::mt19937_64 dice_{std::random_device{}()};
};

}  // namespace shelf
