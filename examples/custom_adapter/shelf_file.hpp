// What lies on the shelf, and the file that keeps it: one JSON object a line, named after what it holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <pharox/pharox.hpp>

namespace shelf {

struct StoredProxy {
    pharox::Proxy proxy;
    std::int64_t use_mark = 0;       // from State::last_mark; orders round_robin and least_used
    std::int64_t fencing_token = 0;  // of its newest lease
};

struct State {
    std::map<std::string, pharox::ProxyPool> pools;
    std::map<std::string, pharox::Consumer> consumers;
    std::map<pharox::ProxyId, StoredProxy> proxies;
    std::map<pharox::LeaseId, pharox::Lease> leases;
    std::int64_t last_mark = 0;
    pharox::Timestamp last_now{};
};

/// An empty state where there is no file. Throws StorageError where it holds something else.
State read_shelf(const std::filesystem::path& file);

/// The whole file or nothing: it is written beside, then renamed. Throws StorageError.
void write_shelf(const std::filesystem::path& file, const State& state);

}  // namespace shelf
