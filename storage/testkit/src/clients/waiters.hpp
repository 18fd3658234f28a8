// Entering a storage's queue from a case.
#pragma once

#include <chrono>
#include <future>
#include <stop_token>

#include "clients/client_log.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// Longer than any case takes: a waiter that waits this long was never served.
inline constexpr std::chrono::seconds patience{60};

/// Enters the queue; what comes out lands in the future. The consumer is "worker" where none is named.
std::future<AcquireResult> wait_for(IStorage& store, AcquireRequest request, std::stop_token stop = {});

/// Whether the outcome is there already.
bool is_ready(const std::future<AcquireResult>& future);

}  // namespace pharox::testkit
