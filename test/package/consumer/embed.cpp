// Uses each installed library once, as a program outside this repository would.
#include <iostream>

#include <pharox/pharox.hpp>
#include <pharox/sqlite/storage.hpp>

namespace {

bool leases_from(std::shared_ptr<pharox::IStorage> storage) {
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "eu"});
    pharox::bootstrap_proxy(*storage, pool, {.host = "192.0.2.7", .port = 3128});
    pharox::ProxyManager manager{std::move(storage)};
    const auto got = manager.acquire({.pool = "eu"});
    return got && manager.release(got.lease()).released;
}

}  // namespace

int main() {
    pharox::StorageRegistry registry;
    pharox::register_memory(registry);
    pharox::sqlite::register_sqlite(registry);
    for (const char* url : {"memory:", "sqlite::memory:"}) {
        if (!leases_from(pharox::open(url, registry))) {
            std::cerr << url << ": no lease\n";
            return 1;
        }
    }
    try {
        pharox::Proxy proxy;
        proxy.pool_id = pharox::PoolId::make();
        proxy.host = "192.0.2.7";
        proxy.port = 80800;
        static_cast<void>(pharox::validated(proxy));
    } catch (const pharox::ValidationError& error) {  // its type crosses the library's boundary
        return error.field() == "port" ? 0 : 1;
    }
    return 1;
}
