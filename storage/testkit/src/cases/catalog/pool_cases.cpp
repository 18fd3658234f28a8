// The catalog's pools.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void pool_comes_back(Context& context) {
    const ProxyPool plain{.name = "plain"};
    const ProxyPool full{.name = "\xc3\xbcn\xc3\xaf \xf0\x9f\xa6\x8a",
                         .description = "what it is for" + std::string(241, '.'),
                         .metadata = Json::object({{"plan", Json::array({1, "x", Json()})}})};
    for (const auto& pool : {plain, full}) {
        EXPECT_EQ(context.catalog().add_pool(pool), pool);
        EXPECT_EQ(context.catalog().get_pool(pool.name), pool);
    }
    EXPECT_EQ(context.catalog().get_pool("PLAIN"), std::nullopt);
    EXPECT_EQ(context.catalog().get_pool("elsewhere"), std::nullopt);
}

void pool_names_are_unique(Context& context) {
    const auto first = context.catalog().add_pool({.name = "pool"});
    context.add_proxy(first);
    const auto second = context.catalog().add_pool({.name = "other"});
    auto error =
        thrown<ConflictError>([&] { context.catalog().add_pool({.name = "pool", .description = "2"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->field(), "name");
    error = thrown<ConflictError>([&] { context.catalog().update_pool({.id = second.id, .name = "pool"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->field(), "name");
    EXPECT_TRUE(
        thrown<ConflictError>([&] { context.catalog().add_pool({.id = first.id, .name = "third"}); }));
    EXPECT_EQ(context.catalog().get_pool("pool"), first);
    EXPECT_EQ(context.catalog().get_pool("other"), second);
    EXPECT_EQ(context.catalog().get_pool("third"), std::nullopt);
    EXPECT_EQ(context.stats("pool").total_proxies, 1);
    // Names are compared by bytes, all of them.
    for (const std::string& name :
         {std::string("Pool"), std::string(" pool"), std::string("pool "), std::string("\xc3\xa9"),
          std::string("e\xcc\x81"), std::string(127, 'x') + "1", std::string(127, 'x') + "2"}) {
        EXPECT_NO_THROW(context.catalog().add_pool({.name = name})) << name;
        EXPECT_EQ(context.catalog().get_pool(name).value().name, name);
    }
}

void pool_is_renamed(Context& context) {
    auto pool = context.add_pool("before");
    const auto proxy = context.add_proxy(pool);
    const auto leased = context.lease(proxy);
    pool.name = "after";
    pool.description = "renamed";
    EXPECT_EQ(context.catalog().update_pool(pool), pool);
    EXPECT_EQ(context.catalog().get_pool("after"), pool);
    EXPECT_EQ(context.catalog().get_pool("before"), std::nullopt);
    EXPECT_EQ(context.store().get_pool_stats({.pool = "before"}), std::nullopt);
    EXPECT_FALSE(context.find("before"));
    EXPECT_EQ(context.stats("after").total_leases, 1);
    const auto released = context.store().release_lease({.lease_id = leased.lease().id});
    EXPECT_TRUE(released.released);
    EXPECT_EQ(released.lease.value().pool_name, "before") << "as it was when the lease was made";
    EXPECT_EQ(context.find("after"), proxy);
    EXPECT_EQ(context.acquire({.pool = "after"}).lease().pool_name, "after");
    EXPECT_NO_THROW(context.catalog().add_pool({.name = "before"}));
    EXPECT_EQ(context.stats("before").total_proxies, 0);
}

void pool_is_updated_whole(Context& context) {
    auto pool = context.catalog().add_pool(
        {.name = "pool", .description = "x", .metadata = Json::object({{"a", 1}})});
    pool.description = std::nullopt;
    pool.metadata = Json::object({{"b", 2}});
    EXPECT_EQ(context.catalog().update_pool(pool), pool);
    EXPECT_EQ(context.catalog().get_pool("pool"), pool);
}

void unknown_pool_is_not_updated(Context& context) {
    context.add_pool();
    EXPECT_TRUE(thrown<PoolNotFoundError>([&] { context.catalog().update_pool({.name = "other"}); }));
    EXPECT_EQ(context.catalog().get_pool("other"), std::nullopt);
}

void wrong_pools_are_refused(Context& context) {
    auto& catalog = context.catalog();
    const auto stored = context.add_pool();
    const auto refused = [&](const std::string& field, ProxyPool pool) {
        expect_refused<ValidationError>(field, [&] { catalog.add_pool(pool); });
        pool.id = stored.id;
        expect_refused<ValidationError>(field, [&] { catalog.update_pool(pool); });
    };
    refused("name", {.name = ""});
    refused("name", {.name = std::string(129, 'x')});
    refused("name", {.name = std::string("a\0b", 3)});
    refused("name", {.name = "\xc3"});
    refused("metadata", {.name = "x", .metadata = Json::array()});
    EXPECT_EQ(catalog.list_pools({}).items, std::vector{stored});
    EXPECT_NO_THROW(catalog.add_pool({.name = std::string(128, 'x')}));
}

}  // namespace

std::vector<Case> pool_cases() {
    return {
        {"pool_comes_back", {"C-01"}, {.catalog = true}, pool_comes_back},
        {"pool_names_are_unique", {"C-02", "C-04"}, {.catalog = true}, pool_names_are_unique},
        {"pool_is_renamed", {"C-03", "L-01"}, {.catalog = true}, pool_is_renamed},
        {"pool_is_updated_whole", {"C-03"}, {.catalog = true}, pool_is_updated_whole},
        {"unknown_pool_is_not_updated", {"C-03"}, {.catalog = true}, unknown_pool_is_not_updated},
        {"wrong_pools_are_refused", {"V-02", "V-03"}, {.catalog = true}, wrong_pools_are_refused},
    };
}

}  // namespace pharox::testkit
