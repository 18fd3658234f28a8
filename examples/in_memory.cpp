// The smallest example: a pool in memory with one proxy.
#include <iostream>

#include <pharox/pharox.hpp>

int main() {
    auto storage = std::make_shared<pharox::InMemoryStorage>();

    pharox::bootstrap_consumer(*storage, {.name = "default"});
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "latam-residential"});
    pharox::bootstrap_proxy(*storage, pool,
                            {
                                .host = "186.33.123.10",
                                .port = 8080,
                                .protocol = pharox::ProxyProtocol::http,
                                .status = pharox::ProxyStatus::active,
                            });

    pharox::ProxyManager manager{storage};
    const auto got = manager.acquire({.pool = "latam-residential"});
    if (!got) {
        std::cerr << "no proxy: " << got.miss() << "\n";
        return 1;
    }
    std::cout << "leased " << got.proxy().redacted_url() << " until "
              << pharox::format_timestamp(got.lease().expires_at) << "\n";
    return manager.release(got.lease()).released ? 0 : 1;
}
