// For adapters of stores that notify a process of proxies that other processes free.
#pragma once

#include <string>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Without a watch the storage's queue polls every few milliseconds. An adapter passes its watch to
/// IStorage::set_pool_watch(), and calls became_available() when another process has freed a proxy of a
/// watched pool. The queue's thread calls the three functions, one at a time; none may wait for the store.
class IPoolWatch {
  public:
    virtual ~IPoolWatch() = default;

    /// watch: the pool has queued requests from now on. unwatch: it has none any more.
    virtual void watch(const std::string& pool) noexcept = 0;
    virtual void unwatch(const std::string& pool) noexcept = 0;

    /// Called after each round of attempts for the pool. Returns for how long the queue need not poll: within
    /// that time became_available() is called for every proxy of the pool that becomes available, beginning
    /// at an instant before the round. Zero: notification does not work (yet), and the queue polls every few
    /// milliseconds. If notification stops working before the returned time is over, call became_available().
    virtual Duration quiet(const std::string& pool) noexcept = 0;
};

}  // namespace pharox
