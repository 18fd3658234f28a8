// Decisions about queued requests, without I/O.
#pragma once

#include <string>

#include "pharox/storage/storage.hpp"

namespace pharox {

/// Requests of one pool with equal keys get the same answer at the same instant. Those with a predicate or
/// with excluded ids equal no other: their key contains `unique`.
std::string group_key(const AcquireRequest& request, const void* unique);

/// Whether the proxies that fit `older` can be excluded from `younger` by the filter of `older` alone.
bool can_yield(const AcquireRequest& younger, const AcquireRequest& older);

/// Whether waiting longer cannot change the result.
bool is_final(const AcquireResult& result);

}  // namespace pharox
