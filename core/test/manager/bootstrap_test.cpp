#include "pharox/manager/bootstrap.hpp"

#include <gtest/gtest.h>

#include "pharox/manager/proxy_manager.hpp"
#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/in_memory.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::InMemoryStorage;

class NoCatalog : public pharox::ForwardingStorage {
  public:
    NoCatalog() : ForwardingStorage(std::make_shared<InMemoryStorage>()) {}
    pharox::ICatalog* catalog() override { return nullptr; }
};

TEST(Bootstrap, MakesWhatCanBeLeased) {
    const auto storage = std::make_shared<InMemoryStorage>();
    const auto pool = bootstrap_pool(*storage, {.name = "latam", .description = "South"});
    const auto proxy = bootstrap_proxy(*storage, pool,
                                       {.host = "Proxy.Example.",
                                        .port = 8080,
                                        .protocol = pharox::ProxyProtocol::socks5,
                                        .credentials = pharox::ProxyCredentials{"u", "p"},
                                        .source = "s",
                                        .country = "AR",
                                        .city = "c",
                                        .max_concurrency = 1});
    EXPECT_EQ(pool.description, "South");
    EXPECT_EQ(proxy.url(), "socks5://u:p@proxy.example:8080");
    EXPECT_EQ(proxy.status, pharox::ProxyStatus::active);
    EXPECT_EQ(storage->catalog()->get_proxy(proxy.id), proxy);
    pharox::ProxyManager manager(storage);
    EXPECT_EQ(manager.acquire({.pool = "latam", .filters = {.source = "s", .country = "AR", .city = "c"}})
                  .proxy()
                  .id,
              proxy.id);
    EXPECT_FALSE(manager.acquire({.pool = "latam"}));
}

TEST(Bootstrap, ARepeatChangesNothing) {
    InMemoryStorage storage;
    const auto pool = bootstrap_pool(storage);
    EXPECT_EQ(pool.name, "default-pool");
    EXPECT_EQ(bootstrap_pool(storage, {.name = "default-pool", .description = "other"}), pool);
    EXPECT_EQ(bootstrap_consumer(storage), bootstrap_consumer(storage, {.name = "default-consumer"}));
    const auto proxy = bootstrap_proxy(storage, pool, {.host = "10.0.0.1", .port = 80, .country = "AR"});
    const auto again = bootstrap_proxy(storage, pool, {.host = "10.0.0.1", .port = 80, .country = "BR"});
    EXPECT_EQ(again, proxy);
    EXPECT_NE(bootstrap_proxy(storage, pool, {.host = "10.0.0.1", .port = 81}).id, proxy.id);
    EXPECT_EQ(storage.get_pool_stats({.pool = pool.name})->total_proxies, 2);
}

TEST(Bootstrap, FindsWhatIsThereAmongMany) {
    InMemoryStorage storage;
    const auto pool = bootstrap_pool(storage);
    std::vector<pharox::Proxy> many;
    for (int port = 1; port <= 2'500; ++port)
        many.push_back({.pool_id = pool.id, .host = "10.0.0.1", .port = port});
    storage.catalog()->add_proxies({.proxies = many});
    EXPECT_EQ(bootstrap_proxy(storage, pool, {.host = "10.0.0.1", .port = 2'500}).id, many.back().id);
}

TEST(Bootstrap, RefusesWhatIsWrong) {
    InMemoryStorage storage;
    const auto pool = bootstrap_pool(storage);
    EXPECT_THROW(bootstrap_pool(storage, {.name = ""}), pharox::ValidationError);
    EXPECT_THROW(bootstrap_consumer(storage, {.name = ""}), pharox::ValidationError);
    EXPECT_EQ(refusal_of([&] { return bootstrap_proxy(storage, pool, {.host = "10.0.0.1"}); }),
              "port | 0 | is below 1");
    EXPECT_THROW(bootstrap_proxy(storage, {.name = "never stored"}, {.host = "10.0.0.1", .port = 80}),
                 pharox::PoolNotFoundError);
}

TEST(Bootstrap, NeedsACatalogExceptForConsumers) {
    pharox::Sealed<NoCatalog> storage;
    EXPECT_FALSE(bootstrap_consumer(storage).is_nil());
    EXPECT_EQ(thrown_by<pharox::UnsupportedError>([&] { return bootstrap_pool(storage); }).capability(),
              "catalog");
    EXPECT_THROW(bootstrap_proxy(storage, {.name = "p"}, {.host = "10.0.0.1", .port = 80}),
                 pharox::UnsupportedError);
}

}  // namespace
