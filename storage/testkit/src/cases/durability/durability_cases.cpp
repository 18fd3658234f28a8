// What is still there after the store was closed, and after its process was killed.
#include <set>

#include "clients/processes.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void everything_is_there_after_reopening(Context& context) {
    const auto pool = context.add_pool();
    const auto full = context.add_proxy(pool, [](Proxy& it) {
        it.country = "AR";
        it.credentials = {.user = "u", .password = "p"};
        it.tags = {"t"};
        it.metadata = Json::object({{"a", Json::array({1, 2.5})}});
        it.max_concurrency = 2;
    });
    context.add_proxies(pool, 3);
    const auto consumer = context.store().ensure_consumer({.name = "worker"});
    const auto active = context.lease(full);
    const auto ended = context.lease(full);
    const auto record = context.store().release_lease({.lease_id = ended.lease().id}).lease;
    auto before = context.stats();
    context.reopen();
    auto after = context.stats();
    before.collected_at = after.collected_at;
    EXPECT_EQ(after, before);
    EXPECT_EQ(context.store().ensure_consumer({.name = "worker"}), consumer);
    const auto found = context.find("pool", {.country = "AR"});
    ASSERT_TRUE(found);
    EXPECT_EQ(without_counter(*found), full);
    EXPECT_EQ(found->current_leases, 1);
    EXPECT_EQ(context.store().release_lease({.lease_id = ended.lease().id}).lease, record);
    EXPECT_TRUE(context.release(active.lease()));
    context.reopen();
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_FALSE(context.release(active.lease()));
}

void catalog_is_there_after_reopening(Context& context) {
    const auto pool = context.catalog().add_pool(
        {.name = "pool", .description = "d", .metadata = Json::object({{"a", 1}})});
    const auto consumer = context.catalog().add_consumer({.name = "one"});
    std::vector<Proxy> proxies;
    for (int i = 0; i < 50; ++i) {
        proxies.push_back(context.new_proxy(pool));
    }
    context.catalog().add_proxies({.proxies = proxies});
    context.catalog().remove_proxy(proxies.back().id, false);
    proxies.pop_back();
    proxies[7].country = "AR";
    context.catalog().update_proxy(proxies[7]);
    context.reopen();
    EXPECT_EQ(context.catalog().get_pool("pool"), pool);
    EXPECT_EQ(context.catalog().get_consumer("one"), consumer);
    EXPECT_EQ(context.catalog().list_proxies({.pool = "pool"}).items, proxies);
}

void lease_ids_are_remembered(Context& context) {
    context.add_proxies(context.add_pool(), 2);
    const auto active = context.acquire({.pool = "pool", .lease_id = LeaseId::make()}).lease();
    const auto ended = context.acquire({.pool = "pool", .lease_id = LeaseId::make()}).lease();
    EXPECT_TRUE(context.release(ended));
    context.reopen();
    const auto again = context.acquire({.pool = "pool", .lease_id = active.id});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.lease(), active);
    const auto over = context.acquire({.pool = "pool", .lease_id = ended.id});
    ASSERT_FALSE(over);
    EXPECT_EQ(over.miss(), Miss::lease_ended);
}

void leases_expire_while_the_store_is_closed(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 2);
    const auto lost = context.lease(proxies[0], context.short_time());
    const auto kept = context.lease(proxies[1], 1h);
    context.close();
    if (context.has_test_clock()) {
        context.clock().advance(context.short_time());
    }
    context.pass(0ms, [&] { return context.stats().total_leases == 1; });
    EXPECT_EQ(context.cleanup(), 1);
    EXPECT_EQ(context.store().release_lease({.lease_id = lost.lease().id}).lease,
              as_of(lost.lease(), lost.lease().expires_at));
    EXPECT_TRUE(context.release(kept.lease()));
}

void renewals_are_there_after_reopening(Context& context) {
    const auto leased = context.lease(context.add_proxy(context.add_pool()), 1h);
    const auto renewed = context.control().renew_lease({.lease_id = leased.lease().id, .duration = 2h});
    EXPECT_TRUE(renewed.renewed);
    context.reopen();
    EXPECT_EQ(context.control().get_lease({.lease_id = leased.lease().id}), renewed.lease);
}

void killed_process_loses_nothing(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 20, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    const Duration duration = context.has_test_clock() ? Duration(60s) : Duration(3s);
    Victim victim(context, [&](const Victim::Say& say) {
        const auto store = context.open();
        while (true) {
            const auto acquired = store->acquire(
                {.pool = "pool", .consumer = "worker", .duration = duration, .selector = Selector::random});
            say(acquired ? acquired.lease().id.to_string() : "none");
        }
    });
    const auto acknowledged = victim.kill_after(30);
    ASSERT_GE(acknowledged.size(), 30U);
    const std::set<std::string> ids(acknowledged.begin(), acknowledged.end());
    EXPECT_EQ(ids.size(), acknowledged.size());
    if (context.has_test_clock()) {
        const auto leases = context.stats().total_leases;
        EXPECT_GE(leases, static_cast<std::int64_t>(ids.size()));
        EXPECT_LE(leases, static_cast<std::int64_t>(ids.size()) + 1)
            << "at most one was not acknowledged yet";
    }
    if (context.has_control()) {
        for (const auto& id : ids) {
            EXPECT_TRUE(context.control().get_lease({.lease_id = LeaseId::parse(id)})) << id;
        }
    }
    context.expire("pool", duration);
    EXPECT_GE(context.cleanup(), context.has_control() ? 0 : static_cast<std::int64_t>(ids.size()));
    const auto stats = context.stats();
    EXPECT_EQ(stats.available_proxies, 20);
    EXPECT_EQ(stats.leased_proxies, 0);
    EXPECT_TRUE(context.acquire({.pool = "pool"}));
}

void killed_releases_are_whole(Context& context) {
    context.add_proxies(context.add_pool(), 3);
    for (int round = 0; round < 3; ++round) {
        Victim victim(context, [&](const Victim::Say& say) {
            const auto store = context.open();
            while (true) {
                const auto acquired = store->acquire({.pool = "pool", .consumer = "worker", .duration = 1h});
                if (!acquired) {
                    say("none");
                    continue;
                }
                say("acquired");
                store->release_lease({.lease_id = acquired.lease().id, .pool = "pool"});
                say("released");
            }
        });
        const auto said = victim.kill_after(40 + static_cast<std::size_t>(round));
        const auto stats = context.stats();
        EXPECT_LE(stats.total_leases, round + 1) << "one lease a round at most was in flight";
        EXPECT_EQ(stats.leased_proxies, stats.total_leases);
        EXPECT_EQ(stats.available_proxies, 3 - stats.total_leases);
    }
    // Each slot that is not leased can be leased: none was lost.
    const auto free = context.stats().available_proxies;
    for (std::int64_t i = 0; i < free; ++i) {
        EXPECT_TRUE(context.acquire({.pool = "pool"}));
    }
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
}

void killed_bulk_is_all_or_nothing(Context& context) {
    const auto pool = context.add_pool();
    std::vector<std::vector<Proxy>> batches(200);
    for (auto& batch : batches) {
        for (int i = 0; i < 50; ++i) {
            batch.push_back(context.new_proxy(pool));
        }
    }
    Victim victim(context, [&](const Victim::Say& say) {
        const auto store = context.open();
        for (const auto& batch : batches) {
            store->catalog()->add_proxies({.proxies = batch});
            say("added");
        }
    });
    const auto acknowledged = static_cast<std::int64_t>(victim.kill_after(5).size());
    const auto proxies = context.stats().total_proxies;
    EXPECT_EQ(proxies % 50, 0) << "a batch is there whole or not at all";
    EXPECT_GE(proxies, acknowledged * 50);
    EXPECT_LE(proxies, acknowledged * 50 + 50);
}

}  // namespace

std::vector<Case> durability_cases() {
    return {
        {"everything_is_there_after_reopening",
         {"D-01"},
         {.durable = true},
         everything_is_there_after_reopening},
        {"catalog_is_there_after_reopening",
         {"D-01", "C-01"},
         {.catalog = true, .durable = true},
         catalog_is_there_after_reopening},
        {"lease_ids_are_remembered",
         {"D-04", "I-02", "I-04"},
         {.durable = true, .replays = true},
         lease_ids_are_remembered},
        {"leases_expire_while_the_store_is_closed",
         {"D-04", "E-04"},
         {.durable = true},
         leases_expire_while_the_store_is_closed},
        {"renewals_are_there_after_reopening",
         {"D-01", "M-01"},
         {.lease_control = true, .durable = true},
         renewals_are_there_after_reopening},
        {"killed_process_loses_nothing", {"D-02"}, {.durable = true}, killed_process_loses_nothing},
        {"killed_releases_are_whole", {"D-02"}, {.durable = true}, killed_releases_are_whole},
        {"killed_bulk_is_all_or_nothing",
         {"D-02", "C-09"},
         {.catalog = true, .durable = true},
         killed_bulk_is_all_or_nothing},
    };
}

}  // namespace pharox::testkit
