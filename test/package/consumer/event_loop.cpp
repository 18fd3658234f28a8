// Leases from an event loop.
#include <boost/asio/use_future.hpp>
#include <memory>
#include <pharox/asio/leasing.hpp>
#include <pharox/pharox.hpp>

int main() {
    const auto storage = std::make_shared<pharox::InMemoryStorage>();
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "eu"});
    pharox::bootstrap_proxy(*storage, pool, {.host = "192.0.2.7", .port = 3128});
    pharox::ProxyManager manager{storage};
    const auto got = pharox::asio::acquire(manager, {.pool = "eu"}, boost::asio::use_future).get();
    if (!got) return 1;
    return pharox::asio::release(manager, got.lease(), boost::asio::use_future).get().released ? 0 : 1;
}
