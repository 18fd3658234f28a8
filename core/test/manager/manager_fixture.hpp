// A manager on a watched in-memory storage, with a manual clock.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pharox/manager/bootstrap.hpp"
#include "pharox/manager/proxy_manager.hpp"
#include "pharox/storage/in_memory.hpp"
#include "test/storage/watched_storage.hpp"

/// The errors that a hook received.
class ErrorLog {
  public:
    [[nodiscard]] auto hook() {
        return [this](std::string_view where, const std::exception_ptr& error) {
            std::string text = std::string(where) + ": ";
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& thrown) {
                text += thrown.what();
            }
            const std::lock_guard lock(mutex_);
            entries_.push_back(std::move(text));
        };
    }
    [[nodiscard]] std::vector<std::string> entries() const {
        const std::lock_guard lock(mutex_);
        return entries_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> entries_;
};

class ManagerTest : public testing::Test {
  protected:
    pharox::Proxy add_proxy(int port = 80, std::optional<int> limit = 1) {
        return bootstrap_proxy(*memory, pool, {.host = "10.0.0.1", .port = port, .max_concurrency = limit});
    }
    std::optional<pharox::Lease> record(pharox::LeaseId id) {
        return memory->lease_control()->get_lease({.lease_id = id});
    }
    std::int64_t leases() { return memory->get_pool_stats({.pool = "p"})->total_leases; }

    ErrorLog errors;
    std::shared_ptr<pharox::ManualClock> clock = std::make_shared<pharox::ManualClock>();
    std::shared_ptr<pharox::InMemoryStorage> memory =
        std::make_shared<pharox::InMemoryStorage>(pharox::InMemoryOptions{.clock = clock});
    std::shared_ptr<WatchedStorage> storage = std::make_shared<pharox::Sealed<WatchedStorage>>(memory);
    pharox::ProxyPool pool = bootstrap_pool(*memory, {.name = "p"});
};
