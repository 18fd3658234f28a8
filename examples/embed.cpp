// pharox inside a program: pools in a file that any number of processes share.
#include <iostream>

#include <pharox/pharox.hpp>
#include <pharox/sqlite/storage.hpp>

using namespace std::chrono_literals;

namespace {

// A placeholder for the work through a proxy.
void fetch_through(const pharox::Proxy& proxy) {
    std::cout << "fetching through " << proxy.redacted_url() << "\n";
}

// At first, and for each new list of a provider.
void fill(pharox::IStorage& storage) {
    pharox::ICatalog& catalog = pharox::require_catalog(storage);
    const auto pool = catalog.add_pool({.name = "latam-residential"});
    catalog.add_proxy({
        .pool_id = pool.id,
        .host = "186.33.123.10",
        .port = 8080,
        .status = pharox::ProxyStatus::active,
        .credentials = pharox::ProxyCredentials{.user = "ana", .password = "secret"},
        .country = "AR",
        .max_concurrency = 2,
        .tags = {"mobile"},
    });
}

}  // namespace

int main() {
    auto storage = pharox::sqlite::make_storage({.path = "pools.db"});
    fill(*storage);
    pharox::ProxyManager manager{storage};

    const auto got = manager.acquire({
        .pool = "latam-residential",
        .duration = 90s,
        .filters = {.country = "AR", .tags = {"mobile"}},
        .selector = pharox::Selector::least_used,
    });
    if (!got) {
        std::cerr << "no proxy: " << got.miss() << "\n";
        return 1;
    }
    fetch_through(got.proxy());
    manager.renew(got.lease(), 90s);
    manager.release(got.lease());
}
