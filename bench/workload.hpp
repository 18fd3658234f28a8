// The data of all benchmarks: pools of one shape, in memory and in a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pharox/pharox.hpp"
#include "pharox/sqlite/storage.hpp"
#include "temporary_folder.hpp"

namespace pharox::bench {

inline constexpr const char* pool_name = "bench";
inline constexpr int leases_per_proxy = 10;

using test::TemporaryFolder;

/// `proxies` active proxies with a limit of ten leases each, checked at different times.
inline void fill(IStorage& storage, std::int64_t proxies, int limit = leases_per_proxy) {
    const ProxyPool pool = bootstrap_pool(storage, {.name = pool_name});
    storage.ensure_consumer({.name = std::string(default_consumer_name)});
    std::vector<Proxy> batch;
    batch.reserve(static_cast<std::size_t>(proxies));
    const Timestamp start = current_time();
    for (std::int64_t i = 0; i < proxies; ++i) {
        batch.push_back({.pool_id = pool.id,
                         .host = "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) +
                                 "." + std::to_string(i % 256),
                         .port = 8080,
                         .status = ProxyStatus::active,
                         .checked_at = start - std::chrono::seconds(i),
                         .country = i % 2 == 0 ? "AR" : "BR",
                         .max_concurrency = limit});
    }
    storage.catalog()->add_proxies({.proxies = std::move(batch)});
}

using Make = std::shared_ptr<IStorage> (*)(const TemporaryFolder&, std::int64_t proxies, int limit);

inline std::shared_ptr<IStorage> memory(const TemporaryFolder& /*folder*/, std::int64_t proxies,
                                        int limit = leases_per_proxy) {
    auto storage = std::make_shared<InMemoryStorage>();
    fill(*storage, proxies, limit);
    return storage;
}
/// Closed and reopened after filling, so that no measurement includes the checkpoint of its write-ahead log.
inline std::shared_ptr<IStorage> sqlite_file(const TemporaryFolder& folder, std::int64_t proxies,
                                             int limit = leases_per_proxy) {
    const sqlite::Options options{.path = folder.path() / "pools.db"};
    fill(*sqlite::make_storage(options), proxies, limit);
    return sqlite::make_storage(options);
}

}  // namespace pharox::bench
