// For adapters of stores that notify a process of proxies that other processes free.
#pragma once

#include <string>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// The queue of a storage attempts the acquires of its waiting requests again and again: every few
/// milliseconds, unless a watch says that this is unnecessary for a while. An adapter passes its watch to
/// IStorage::set_pool_watch(). While a pool is watched, the adapter calls became_available() when the store
/// notifies it that another process has freed a proxy of the pool. The queue's thread calls the functions
/// below, one at a time; they must return without waiting for the store.
class IPoolWatch {
  public:
    virtual ~IPoolWatch() = default;

    /// The pool has queued requests from now on.
    virtual void watch(const std::string& pool) noexcept = 0;
    /// The pool has no queued requests any more.
    virtual void unwatch(const std::string& pool) noexcept = 0;

    /// Called after the queue has attempted the requests of the pool once. Returns for how long the queue
    /// need not attempt them again by itself; zero if notification does not work, or not yet. A positive
    /// value is a promise: became_available() was or will be called for every proxy of the pool that became
    /// available since those attempts began, and until the time is over. If notification fails within that
    /// time, the adapter calls became_available() too, so that the queue asks again.
    virtual Duration quiet(const std::string& pool) noexcept = 0;
};

}  // namespace pharox
