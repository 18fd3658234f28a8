// A lease that is tied to a scope: released at its end, also after an exception.
#include <iostream>
#include <stdexcept>

#include <pharox/pharox.hpp>

using namespace std::chrono_literals;

namespace {

// Work that checks the token regularly and stops when the lease is lost.
void scrape(const pharox::Proxy& proxy, const std::stop_token& lost) {
    for (int page = 1; page <= 3 && !lost.stop_requested(); ++page) {
        std::cout << "page " << page << " through " << proxy.redacted_url() << "\n";
        if (page == 2) {
            throw std::runtime_error("page 2 is gone");
        }
    }
}

}  // namespace

int main() {
    auto storage = std::make_shared<pharox::InMemoryStorage>();
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "eu"});
    pharox::bootstrap_proxy(*storage, pool, {.host = "192.0.2.7", .port = 3128, .max_concurrency = 1});
    pharox::ProxyManager manager{storage};

    try {
        if (auto held = manager.hold({.pool = "eu", .duration = 30s}, {.renew = true})) {
            scrape(held->proxy(), held->lost());
        }
    } catch (const std::runtime_error& error) {
        std::cout << "stopped: " << error.what() << "\n";
    }

    const auto stats = storage->get_pool_stats({.pool = "eu"});
    std::cout << *stats << "\n";
    return stats->total_leases == 0 ? 0 : 1;
}
