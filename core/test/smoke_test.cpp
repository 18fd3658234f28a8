#include <gtest/gtest.h>

#include "pharox/pharox.hpp"

TEST(Smoke, AcquireAndRelease) {
    auto storage = std::make_shared<pharox::InMemoryStorage>();
    const auto pool = pharox::bootstrap_pool(*storage, {.name = "latam-residential"});
    pharox::bootstrap_proxy(*storage, pool,
                            {.host = "186.33.123.10", .port = 8080, .country = "AR", .max_concurrency = 1});
    pharox::ProxyManager manager{storage};
    auto got = manager.acquire({.pool = "latam-residential", .filters = {.country = "AR"}});
    ASSERT_TRUE(got);
    EXPECT_EQ(got.proxy().url(), "http://186.33.123.10:8080");
    EXPECT_EQ(manager.acquire({.pool = "latam-residential"}).miss(), pharox::Miss::all_busy);
    EXPECT_TRUE(manager.release(got.lease()).released);
    EXPECT_FALSE(manager.release(got.lease()).released);
    if (auto held = manager.hold({.pool = "latam-residential"}, {.renew = true})) {
        EXPECT_FALSE(held->lost().stop_requested());
    } else {
        FAIL();
    }
}
