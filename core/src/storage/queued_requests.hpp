// Attempts for requests, and decisions about queued ones.
#pragma once

#include <string>

#include "pharox/storage/storage.hpp"

namespace pharox {

/// Requests of one pool with equal keys get the same answer at the same instant. Those with a predicate or
/// with excluded ids equal no other: their key contains `unique`.
std::string group_key(const AcquireRequest& request, const void* unique);

/// Whether the proxies that fit `older` can be excluded from `younger` by the filter of `older` alone.
bool can_yield(const AcquireRequest& younger, const AcquireRequest& older);

/// try_acquire. An answer may be lost for longer than the lease lasts; the adapter's retry then finds the
/// call's own lease ended. If the library drew the lease id, another one is drawn and the attempt repeated.
/// `attempted` becomes the id of the last attempt, nil if the storage draws it; also if this throws.
AcquireResult attempt_acquire(IStorage& storage, const AcquireRequest& request, LeaseId& attempted);

/// Whether neither waiting longer nor another attempt can change the result.
bool is_final(const AcquireResult& result);

}  // namespace pharox
