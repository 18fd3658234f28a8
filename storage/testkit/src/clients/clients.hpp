// Clients that acquire and release, and log what they observe.
#pragma once

#include <vector>

#include "clients/client_log.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// What one client, or all of them together, observed.
struct Experience {
    std::vector<Use> uses{};
    int misses = 0;
    int lost = 0;  ///< releases that were answered no

    void add(const Experience& other);
};

/// Acquires, works for a moment, and releases, `rounds` times. What it throws is the client's failure.
Experience acquire_and_release(IStorage& storage, const AcquireRequest& request, int rounds);

std::string format_experience(const Experience& experience);
Experience parse_experience(std::string_view text);

}  // namespace pharox::testkit
