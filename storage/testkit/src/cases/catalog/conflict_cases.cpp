// What a conflict says: which field, and what is taken or held.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

Proxy twin_of(Proxy proxy) {
    proxy.id = ProxyId::make();
    return proxy;
}

void conflicts_name_what_is_taken(Context& context) {
    auto& catalog = context.catalog();
    const auto pool = context.add_pool();
    const auto other = context.add_pool("other");
    expect_conflict("name", "pool", [&] { catalog.add_pool({.name = "pool"}); });
    expect_conflict("id", pool.id.to_string(), [&] { catalog.add_pool({.id = pool.id, .name = "third"}); });
    expect_conflict("name", "pool", [&] { catalog.update_pool({.id = other.id, .name = "pool"}); });
    const Consumer consumer = catalog.add_consumer({.name = "consumer"});
    expect_conflict("name", "consumer", [&] { catalog.add_consumer({.name = "consumer"}); });
    expect_conflict("id", consumer.id.to_string(),
                    [&] { catalog.add_consumer({.id = consumer.id, .name = "third"}); });
}

void conflicts_name_the_proxy(Context& context) {
    auto& catalog = context.catalog();
    const auto pool = context.add_pool();
    const auto stored =
        context.add_proxy(pool, [](Proxy& it) { it.credentials = {.user = "u", .password = "s3cret"}; });
    const auto fresh = context.new_proxy(pool);
    const auto same_id = context.new_proxy(pool, [&](Proxy& it) { it.id = stored.id; });
    const auto id = stored.id.to_string();
    const auto url = stored.redacted_url();
    const auto twin = twin_of(stored);
    expect_conflict("id", id, [&] { catalog.add_proxy(same_id); });
    expect_conflict("proxy", url, [&] { catalog.add_proxy(twin); });
    expect_conflict("id", id, [&] { catalog.add_proxies({.proxies = {fresh, same_id}}); });
    expect_conflict("proxy", url, [&] { catalog.add_proxies({.proxies = {fresh, twin}}); });
    expect_conflict("id", fresh.id.to_string(), [&] {
        catalog.add_proxies(
            {.proxies = {fresh, context.new_proxy(pool, [&](Proxy& it) { it.id = fresh.id; })}});
    });
    expect_conflict("proxy", fresh.redacted_url(),
                    [&] { catalog.add_proxies({.proxies = {fresh, twin_of(fresh)}}); });
    auto moved = context.add_proxy(pool);
    moved.host = stored.host;
    moved.credentials = stored.credentials;
    expect_conflict("proxy", url, [&] { catalog.update_proxy(moved); });
    const auto error = thrown<ConflictError>([&] { catalog.add_proxy(twin); });
    ASSERT_TRUE(error);
    EXPECT_EQ(std::string_view(error->what()).find("s3cret"), std::string_view::npos) << error->what();
}

void conflicts_name_what_is_leased(Context& context) {
    auto& catalog = context.catalog();
    const auto proxy = context.add_proxy(context.add_pool());
    context.lease(proxy);
    expect_conflict("proxy_id", proxy.id.to_string(), [&] { catalog.remove_proxy(proxy.id, false); });
    expect_conflict("pool", "pool", [&] { catalog.remove_pool("pool", false); });
    expect_conflict("consumer", "worker", [&] { catalog.remove_consumer("worker", false); });
}

void conflicts_name_the_lease_id(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 5; });
    const auto elsewhere = context.add_proxy(context.add_pool("other"));
    context.add_consumer("other");
    const auto id = context.lease(proxy).lease().id;
    const auto conflict = [&](const std::function<void()>& action) {
        expect_conflict("lease_id", id.to_string(), action);
    };
    conflict([&] { context.acquire({.pool = "pool", .consumer = "other", .lease_id = id}); });
    conflict([&] { context.acquire({.pool = "other", .lease_id = id}); });
    conflict(
        [&] { context.store().create_lease({.proxy_id = proxy.id, .consumer = "other", .lease_id = id}); });
    conflict([&] {
        context.store().create_lease({.proxy_id = elsewhere.id, .consumer = "worker", .lease_id = id});
    });
}

void conflicts_name_the_record(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const ProxyHealthRecord record{
        .proxy_id = proxy.id,
        .checked_at = context.has_test_clock() ? context.clock().now() : current_time()};
    context.health().save_health_record(record);
    expect_conflict("id", record.id.to_string(), [&] { context.health().save_health_record(record); });
}

}  // namespace

std::vector<Case> conflict_cases() {
    return {
        {"conflicts_name_what_is_taken", {"V-06"}, {.catalog = true}, conflicts_name_what_is_taken},
        {"conflicts_name_the_proxy", {"V-06"}, {.catalog = true}, conflicts_name_the_proxy},
        {"conflicts_name_what_is_leased", {"V-06"}, {.catalog = true}, conflicts_name_what_is_leased},
        {"conflicts_name_the_lease_id", {"V-06", "I-05"}, {.replays = true}, conflicts_name_the_lease_id},
        {"conflicts_name_the_record", {"V-06", "H-07"}, {.health_log = true}, conflicts_name_the_record},
    };
}

}  // namespace pharox::testkit
