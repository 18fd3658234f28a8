// What every measurement here does: pools of one shape, one acquire and one release a cycle.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "pharox/pharox.hpp"

namespace pharox::bench {

inline constexpr const char* pool_name = "bench";
inline constexpr int leases_per_proxy = 10;

/// A folder that is gone with this.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "pharox-bench-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
        path_ = pattern;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

/// `proxies` active ones that take ten leases each, checked at different times.
inline void fill(IStorage& storage, std::int64_t proxies) {
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
                         .max_concurrency = leases_per_proxy});
    }
    storage.catalog()->add_proxies({.proxies = std::move(batch)});
}

}  // namespace pharox::bench
