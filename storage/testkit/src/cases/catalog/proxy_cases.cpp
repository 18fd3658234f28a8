// The catalog's proxies, one at a time.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void proxy_comes_back_canonical(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = [&](const std::string& host) {
        const auto proxy =
            context.catalog().add_proxy(context.new_proxy(pool, [&](Proxy& it) { it.host = host; }));
        EXPECT_EQ(context.catalog().get_proxy(proxy.id), proxy);
        return proxy.host;
    };
    EXPECT_EQ(stored("Proxy.EXAMPLE.com."), "proxy.example.com");
    EXPECT_EQ(stored("2001:DB8:0::1"), "2001:db8::1");
    EXPECT_EQ(stored("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(context.catalog().get_proxy(ProxyId::make()), std::nullopt);
}

void identity_is_unique_in_a_pool(Context& context) {
    const auto pool = context.add_pool();
    const auto other_pool = context.add_pool("other");
    const auto first =
        context.add_proxy(pool, [](Proxy& it) { it.credentials = {.user = "u", .password = "p"}; });
    const auto twin = [&](const Edit& edit) {
        Proxy proxy = first;
        proxy.id = ProxyId::make();
        edit(proxy);
        return proxy;
    };
    auto& catalog = context.catalog();
    EXPECT_TRUE(thrown<ConflictError>([&] { catalog.add_proxy(twin([](Proxy&) {})); }));
    EXPECT_TRUE(thrown<ConflictError>([&] {
        catalog.add_proxy(twin([](Proxy& it) {
            it.country = "AR";  // no part of the identity
            it.max_concurrency = 7;
        }));
    }));
    EXPECT_TRUE(thrown<ConflictError>([&] {
        catalog.add_proxy(twin([&](Proxy& it) {
            it.id = first.id;
            it.host = "10.9.9.9";
        }));
    }));
    EXPECT_NO_THROW(catalog.add_proxy(twin([](Proxy& it) { it.credentials->password = "P"; })));
    EXPECT_NO_THROW(catalog.add_proxy(twin([](Proxy& it) { it.credentials->user = "U"; })));
    EXPECT_NO_THROW(catalog.add_proxy(twin([](Proxy& it) { it.credentials = std::nullopt; })));
    EXPECT_NO_THROW(catalog.add_proxy(twin([](Proxy& it) { it.port = 8081; })));
    EXPECT_NO_THROW(catalog.add_proxy(twin([](Proxy& it) { it.protocol = ProxyProtocol::socks5; })));
    EXPECT_NO_THROW(catalog.add_proxy(twin([&](Proxy& it) { it.pool_id = other_pool.id; })));
    EXPECT_EQ(context.stats().total_proxies, 6);
    EXPECT_EQ(catalog.get_proxy(first.id), first);
}

void identity_compares_canonical_hosts(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxy(pool, [](Proxy& it) { it.host = "proxy.example.com"; });
    EXPECT_TRUE(thrown<ConflictError>(
        [&] { context.add_proxy(pool, [](Proxy& it) { it.host = "PROXY.example.com."; }); }));
    EXPECT_EQ(context.stats().total_proxies, 1);
}

void update_cannot_take_an_identity(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2);
    Proxy changed = proxies[1];
    changed.host = proxies[0].host;
    EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().update_proxy(changed); }));
    EXPECT_EQ(context.catalog().get_proxy(changed.id), proxies[1]);
}

void proxy_of_an_unknown_pool(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = context.add_proxy(pool);
    const ProxyPool unknown{.name = "unknown"};
    EXPECT_TRUE(thrown<PoolNotFoundError>([&] { context.add_proxy(unknown); }));
    Proxy moved = stored;
    moved.pool_id = unknown.id;
    EXPECT_TRUE(thrown<PoolNotFoundError>([&] { context.catalog().update_proxy(moved); }));
    EXPECT_TRUE(thrown<PoolNotFoundError>([&] {
        context.catalog().add_proxies({.proxies = {context.new_proxy(pool), context.new_proxy(unknown)}});
    }));
    EXPECT_EQ(context.catalog().get_proxy(stored.id), stored);
    EXPECT_EQ(context.stats().total_proxies, 1);
}

void proxy_is_updated_whole(Context& context) {
    const auto pool = context.add_pool();
    const auto before = context.add_proxy(pool, [](Proxy& it) {
        it.country = "AR";
        it.tags = {"a", "b"};
        it.metadata = Json::object({{"a", 1}});
        it.credentials = {.user = "u", .password = "p"};
        it.latency_ms = 5;
    });
    const Proxy after = context.new_proxy(pool, [&](Proxy& it) {
        it.id = before.id;
        it.tags = {"b", "c"};
        it.city = "Lima";
        it.max_concurrency = std::nullopt;
        it.checked_at = before.checked_at + std::chrono::hours(1);
    });
    EXPECT_EQ(context.find("pool"), before);
    EXPECT_EQ(context.catalog().update_proxy(after), after);
    EXPECT_EQ(context.catalog().get_proxy(before.id), after);
    EXPECT_EQ(context.find("pool", {.tags = {"c"}}), after);
    EXPECT_FALSE(context.find("pool", {.tags = {"a"}}));
    EXPECT_FALSE(context.find("pool", {.country = "AR"}));
    EXPECT_NO_THROW(context.add_proxy(pool, [&](Proxy& it) {
        it.host = before.host;
        it.credentials = before.credentials;
    })) << "its old identity is free";
    auto earlier = after;
    earlier.checked_at = before.checked_at - std::chrono::hours(1);
    EXPECT_EQ(context.catalog().update_proxy(earlier), earlier) << "checked_at may go back";
    EXPECT_EQ(context.catalog().get_proxy(before.id), earlier);
}

void unknown_proxy_is_not_updated(Context& context) {
    const auto proxy = context.new_proxy(context.add_pool());
    const auto error = thrown<ProxyNotFoundError>([&] { context.catalog().update_proxy(proxy); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->proxy_id(), proxy.id);
    EXPECT_EQ(context.stats().total_proxies, 0);
}

void counters_belong_to_the_store(Context& context) {
    const auto pool = context.add_pool();
    auto proxy = context.catalog().add_proxy(context.new_proxy(pool, [](Proxy& it) {
        it.max_concurrency = 3;
        it.current_leases = 3;
    }));
    EXPECT_EQ(proxy.current_leases, 0);
    EXPECT_EQ(context.leases_on(proxy), 0);
    const auto first = context.lease(proxy);
    context.lease(proxy);
    for (const int lie : {0, 1, 3, 1'000'000}) {
        proxy.current_leases = lie;
        proxy.city = "city " + std::to_string(lie);
        EXPECT_EQ(context.catalog().update_proxy(proxy).current_leases, 2);
        EXPECT_EQ(context.leases_on(proxy), 2);
    }
    EXPECT_TRUE(context.release(first.lease()));
    EXPECT_EQ(context.leases_on(proxy), 1);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void updates_keep_the_use_sequence(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    const auto first = context.add_proxy(right);
    auto second = context.add_proxy(left);
    for (const auto& proxy : {first, second}) {
        EXPECT_TRUE(context.release(context.lease(proxy).lease()));
    }
    for (const std::string how : {"moved to another pool", "updated in its pool"}) {
        second.pool_id = right.id;
        second.city = how;
        context.catalog().update_proxy(second);
        EXPECT_EQ(context.find("right", {}, Selector::least_used).value().id, first.id)
            << "the proxy that was used last was " << how << ", and comes first as if never used";
    }
}

void proxy_moves_between_pools(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    auto proxy = context.add_proxy(left, [](Proxy& it) { it.max_concurrency = 2; });
    const auto leased = context.lease(proxy);
    proxy.pool_id = right.id;
    EXPECT_EQ(context.catalog().update_proxy(proxy).current_leases, 1);
    EXPECT_FALSE(context.find("left"));
    EXPECT_EQ(context.stats("left").total_proxies, 0);
    EXPECT_EQ(context.stats("left").total_leases, 0);
    EXPECT_EQ(context.find("right").value().current_leases, 1);
    EXPECT_EQ(context.stats("right").total_leases, 1);
    EXPECT_TRUE(context.acquire({.pool = "right"}));
    EXPECT_FALSE(context.acquire({.pool = "right"})) << "the lease that was made before the move counts";
    const auto released = context.store().release_lease({.lease_id = leased.lease().id});
    EXPECT_TRUE(released.released);
    EXPECT_EQ(released.lease.value().pool_id, left.id) << "the lease keeps the pool in which it was made";
    EXPECT_EQ(context.leases_on(proxy), 1);
}

void move_onto_a_twin_is_a_conflict(Context& context) {
    const auto left = context.add_pool("left");
    const auto right = context.add_pool("right");
    auto proxy = context.add_proxy(left);
    context.add_proxy(right, [&](Proxy& it) { it.host = proxy.host; });
    proxy.pool_id = right.id;
    EXPECT_TRUE(thrown<ConflictError>([&] { context.catalog().update_proxy(proxy); }));
    EXPECT_EQ(context.stats("left").total_proxies, 1);
    EXPECT_EQ(context.stats("right").total_proxies, 1);
}

void wrong_proxies_are_refused(Context& context) {
    const auto pool = context.add_pool();
    const auto stored = context.add_proxy(pool);
    const auto refused = [&](const std::string& field, const Edit& edit) {
        SCOPED_TRACE(field);
        auto wrong = context.new_proxy(pool, edit);
        expect_refused<ValidationError>(field, [&] { context.catalog().add_proxy(wrong); });
        expect_refused<ValidationError>(
            field, [&] { context.catalog().add_proxies({.proxies = {context.new_proxy(pool), wrong}}); });
        wrong.id = stored.id;
        expect_refused<ValidationError>(field, [&] { context.catalog().update_proxy(wrong); });
    };
    refused("host", [](Proxy& it) { it.host = ""; });
    refused("host", [](Proxy& it) { it.host = "010.0.0.1"; });
    refused("host", [](Proxy& it) { it.host = "[::1]"; });
    refused("host", [](Proxy& it) { it.host = "a b"; });
    refused("port", [](Proxy& it) { it.port = 0; });
    refused("port", [](Proxy& it) { it.port = 65'536; });
    refused("country", [](Proxy& it) { it.country = ""; });
    refused("city", [](Proxy& it) { it.city = std::string(256, 'x'); });
    refused("isp", [](Proxy& it) { it.isp = "\xff"; });
    refused("source", [](Proxy& it) { it.source = std::string("a\0b", 3); });
    refused("asn", [](Proxy& it) { it.asn = 4'294'967'296; });
    refused("asn", [](Proxy& it) { it.asn = -1; });
    refused("longitude", [](Proxy& it) { it.latitude = 1; });
    refused("latitude", [](Proxy& it) { it.latitude = 91, it.longitude = 0; });
    refused("latency_ms", [](Proxy& it) { it.latency_ms = -1; });
    refused("max_concurrency", [](Proxy& it) { it.max_concurrency = 0; });
    refused("weight", [](Proxy& it) { it.weight = -0.5; });
    refused("metadata", [](Proxy& it) { it.metadata = Json(); });
    refused("metadata", [](Proxy& it) { it.metadata = Json::object({{"x", std::string(17'000, 'x')}}); });
    EXPECT_EQ(context.catalog().list_proxies({.pool = "pool"}).items, std::vector{stored});
}

}  // namespace

std::vector<Case> proxy_cases() {
    return {
        {"proxy_comes_back_canonical", {"C-01"}, {.catalog = true}, proxy_comes_back_canonical},
        {"identity_is_unique_in_a_pool", {"C-04"}, {.catalog = true}, identity_is_unique_in_a_pool},
        {"identity_compares_canonical_hosts",
         {"C-04", "C-01"},
         {.catalog = true},
         identity_compares_canonical_hosts},
        {"update_cannot_take_an_identity", {"C-04"}, {.catalog = true}, update_cannot_take_an_identity},
        {"proxy_of_an_unknown_pool", {"C-05", "C-09"}, {.catalog = true}, proxy_of_an_unknown_pool},
        {"proxy_is_updated_whole", {"C-06"}, {.catalog = true}, proxy_is_updated_whole},
        {"unknown_proxy_is_not_updated", {"C-06"}, {.catalog = true}, unknown_proxy_is_not_updated},
        {"counters_belong_to_the_store", {"C-07", "L-03"}, {.catalog = true}, counters_belong_to_the_store},
        {"updates_keep_the_use_sequence",
         {"C-07", "S-04"},
         {.catalog = true, .exact_rotation = true},
         updates_keep_the_use_sequence},
        {"proxy_moves_between_pools", {"C-08"}, {.catalog = true}, proxy_moves_between_pools},
        {"move_onto_a_twin_is_a_conflict",
         {"C-08", "C-04"},
         {.catalog = true},
         move_onto_a_twin_is_a_conflict},
        {"wrong_proxies_are_refused", {"V-02", "V-03"}, {.catalog = true}, wrong_proxies_are_refused},
    };
}

}  // namespace pharox::testkit
