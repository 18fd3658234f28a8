// Changes of the catalog and of health wake the waiters of their own pools and of no others.
#include "catalog.hpp"

#include <set>

#include "catalog_statements.hpp"
#include "fixture.hpp"
#include "health_log.hpp"

namespace pharox::postgres {
namespace {

using Pools = std::set<std::string>;

class WokenPools : public PostgresTest {
  protected:
    Pools take() { return std::exchange(woken_, {}); }

    Pools woken_;
    Database database_{options()};
    ExpiryReports reports_;
    CatalogStore store_{database_, [this](std::string_view pool) { woken_.emplace(pool); }};
    sqlkit::Catalog catalog_{store_, reports_};
    HealthLog health_{database_, [this](std::string_view pool) { woken_.emplace(pool); }};
};

TEST_F(WokenPools, are_those_that_a_change_concerns) {
    ProxyPool us = catalog_.add_pool({.name = "us"});
    const ProxyPool eu = catalog_.add_pool({.name = "eu"});
    EXPECT_EQ(take(), Pools());

    Proxy proxy =
        catalog_.add_proxy({.pool_id = us.id, .host = "10.0.0.1", .port = 1, .status = ProxyStatus::active});
    EXPECT_EQ(take(), Pools{"us"});
    catalog_.add_proxies({.proxies = {{.pool_id = eu.id, .host = "10.0.0.2", .port = 1}}});
    EXPECT_EQ(take(), Pools{"eu"});
    catalog_.update_proxy(proxy);
    EXPECT_EQ(take(), Pools{"us"});
    proxy.pool_id = eu.id;
    catalog_.update_proxy(proxy);
    EXPECT_EQ(take(), Pools{"eu"});
    health_.apply_health_check_result({.proxy_id = proxy.id, .status = ProxyStatus::active});
    EXPECT_EQ(take(), Pools{"eu"});

    us.name = "america";
    catalog_.update_pool(us);
    EXPECT_EQ(take(), (Pools{"america", "us"})) << "the old name is unknown now";
    catalog_.remove_proxy(proxy.id, false);
    EXPECT_EQ(take(), Pools());
    catalog_.remove_pool("eu", false);
    EXPECT_EQ(take(), Pools{"eu"}) << "its waiters learn that it is unknown";
    catalog_.get_pool("america");
    catalog_.list_proxies({.pool = "america"});
    EXPECT_EQ(take(), Pools());
}

TEST_F(WokenPools, are_those_whose_leases_end_with_a_consumer) {
    const auto store = open();
    fill(*store, 2);
    (void)store->acquire({.pool = "pool", .duration = std::chrono::minutes(1)});
    catalog_.remove_consumer("default", true);
    EXPECT_EQ(take(), Pools{"pool"});
}

}  // namespace
}  // namespace pharox::postgres
