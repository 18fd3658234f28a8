// For adapters of stores that can tell a process what other processes free.
#pragma once

#include <string>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Without one, the storage's queue looks every few milliseconds for those who wait. An adapter hands its own
/// to IStorage::set_pool_watch(), and calls became_available() for what others free in the pools that are
/// watched. All three are called by the queue's thread, one at a time and none after stop_waiting() returned;
/// none may wait for the store.
class IPoolWatch {
  public:
    virtual ~IPoolWatch() = default;

    /// Somebody waits for the pool from now on; no longer.
    virtual void watch(const std::string& pool) noexcept = 0;
    virtual void unwatch(const std::string& pool) noexcept = 0;

    /// Asked after each look: how long the queue need not look by itself, because became_available() is
    /// called before that for whatever may become available in any watched pool, from an instant before the
    /// look on. Zero: it can not be relied on (yet), and the queue looks every few milliseconds. Whatever
    /// changes this for the worse calls became_available().
    virtual Duration quiet() noexcept = 0;
};

}  // namespace pharox
