// Callbacks: they run for each acquire and each end of a lease, on request with the pool's
// statistics.
#include <iostream>

#include <pharox/pharox.hpp>

using namespace std::chrono_literals;

int main() {
    auto storage = std::make_shared<pharox::InMemoryStorage>();
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "eu"});
    pharox::bootstrap_proxy(*storage, pool, {.host = "192.0.2.7", .port = 3128, .max_concurrency = 1});

    pharox::ProxyManager manager{storage, {.on_error = [](std::string_view where, const std::exception_ptr&) {
                                     std::cerr << where << " failed\n";
                                 }}};
    int acquires = 0;
    int releases = 0;
    manager.on_acquire(
        [&acquires](const pharox::AcquireEventPayload& event) {
            ++acquires;
            std::cout << event.consumer_name << " asked for " << event.pool_name << ": ";
            if (event.lease) {
                std::cout << "leased";
            } else {
                std::cout << *event.miss;
            }
            std::cout << ", " << event.pool_stats->available_proxies << " still available\n";
        },
        {.pool_stats = true});
    const auto listener = manager.on_release([&releases](const pharox::ReleaseEventPayload& event) {
        ++releases;
        std::cout << event.lease.id << " ended: " << event.reason << "\n";
    });

    const auto first = manager.acquire({.pool = "eu", .duration = 1min});
    const auto second = manager.acquire({.pool = "eu", .duration = 1min});  // the only proxy is full: a miss
    manager.release(first.lease());
    manager.release(first.lease());  // ends nothing, so no callback runs
    manager.unregister(listener);
    return !second && acquires == 2 && releases == 1 ? 0 : 1;
}
