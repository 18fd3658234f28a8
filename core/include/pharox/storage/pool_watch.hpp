// For adapters of stores that can tell a process what other processes free.
#pragma once

#include <string>

#include "pharox/model/time.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Without one, the storage's queue attempts its requests again every few milliseconds. An adapter hands its
/// own to IStorage::set_pool_watch(), and calls became_available() for what others free in the pools that are
/// watched. All three are called by the queue's thread, one at a time; none may wait for the store.
class IPoolWatch {
  public:
    virtual ~IPoolWatch() = default;

    /// Requests for the pool are queued from now on; no longer.
    virtual void watch(const std::string& pool) noexcept = 0;
    virtual void unwatch(const std::string& pool) noexcept = 0;

    /// Called after each round of attempts for the pool: for how long no further one is needed, because
    /// became_available() is called before that for whatever may become available in the pool from an instant
    /// before the round on. Zero: this cannot be relied on (yet), and the queue goes on attempting every few
    /// milliseconds. When a promise that was given no longer holds, became_available() is called.
    virtual Duration quiet(const std::string& pool) noexcept = 0;
};

}  // namespace pharox
