// Many processes on one store.
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "clients/clients.hpp"
#include "clients/processes.hpp"
#include "clients/waiters.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

Experience clients(Context& context, int processes, int rounds, const AcquireRequest& request) {
    Experience all;
    for (const auto& said : in_processes(context, processes, [&](int, const Ready& ready) {
             const auto store = context.open();
             ready();
             return format_experience(acquire_and_release(*store, request, rounds));
         })) {
        all.add(parse_experience(said));
    }
    return all;
}

void storm_of_processes(Context& context) {
    context.use_system_clock();
    context.add_proxies(context.add_pool(), 20);
    const auto all = clients(context, 8, 2'000, {.pool = "pool", .consumer = "worker"});
    EXPECT_EQ(all.misses, 0) << "never more than 8 of 20 were in use";
    EXPECT_EQ(all.lost, 0);
    EXPECT_EQ(all.uses.size(), 16'000U);
    EXPECT_EQ(worst_overlap(all.uses), 1);
    const auto stats = context.stats();
    EXPECT_EQ(stats.total_leases, 0);
    EXPECT_EQ(stats.available_proxies, 20);
}

void processes_that_want_too_much(Context& context) {
    context.use_system_clock();
    context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 2; });
    const auto all =
        clients(context, 8, 150, {.pool = "pool", .consumer = "worker", .selector = Selector::round_robin});
    EXPECT_LE(worst_overlap(all.uses), 2);
    EXPECT_EQ(all.uses.size() + static_cast<std::size_t>(all.misses), 1'200U);
    EXPECT_GT(all.uses.size(), 0U);
    EXPECT_EQ(all.lost, 0);
    EXPECT_EQ(context.stats().total_leases, 0);
}

void one_slot_for_many_processes(Context& context) {
    context.use_system_clock();
    context.add_proxy(context.add_pool());
    int leased = 0;
    for (const auto& said : in_processes(context, 8, [&](int, const Ready& ready) {
             const auto store = context.open();
             ready();
             return std::string(store->acquire({.pool = "pool", .consumer = "worker"}) ? "leased" : "missed");
         })) {
        leased += said == "leased" ? 1 : 0;
    }
    EXPECT_EQ(leased, 1);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void others_see_what_was_acknowledged(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto other = context.open();
    const auto leased = context.lease(proxy);
    EXPECT_FALSE(other->find_available_proxy({.pool = "pool"}).proxy);
    EXPECT_EQ(other->get_pool_stats({.pool = "pool"}).value().total_leases, 1);
    EXPECT_TRUE(other->release_lease({.lease_id = leased.lease().id}).released);
    EXPECT_TRUE(context.find("pool"));
    EXPECT_FALSE(context.release(leased.lease()));
    EXPECT_EQ(other->ensure_consumer({.name = "worker"}),
              context.store().ensure_consumer({.name = "worker"}));
    EXPECT_TRUE(other->acquire({.pool = "pool", .consumer = "worker"}));
    EXPECT_FALSE(context.acquire({.pool = "pool"}));
    context.add_proxy(pool);
    EXPECT_TRUE(other->find_available_proxy({.pool = "pool"}).proxy);
}

void one_rotation_for_all_processes(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 3);
    const auto other = context.open();
    const FindRequest request{.pool = "pool", .selector = Selector::round_robin};
    for (int round = 0; round < 2; ++round) {
        for (const auto& proxy : proxies) {
            auto& store = proxy.id == proxies[1].id ? *other : context.store();
            EXPECT_EQ(store.find_available_proxy(request).proxy.value().id, proxy.id);
        }
    }
}

void tokens_of_many_processes(Context& context) {
    context.use_system_clock();
    context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::multiset<std::string> tokens;
    for (const auto& said : in_processes(context, 4, [&](int, const Ready& ready) {
             const auto store = context.open();
             ready();
             std::string mine;
             for (int i = 0; i < 25; ++i) {
                 const auto acquired = store->acquire({.pool = "pool", .consumer = "worker"});
                 mine += std::to_string(acquired.lease().fencing_token) + "\n";
             }
             return mine;
         })) {
        for (std::size_t from = 0; from < said.size();) {
            const auto end = said.find('\n', from);
            tokens.insert(said.substr(from, end - from));
            from = end + 1;
        }
    }
    EXPECT_EQ(tokens.size(), 100U);
    EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), 100U);
}

void new_store_opened_by_many(Context& context) {
    std::set<std::string> ids;
    for (const auto& said : in_processes(context, 8, [&](int number, const Ready& ready) {
             ready();  // before opening: that is the race
             const auto store = context.open();
             store->ensure_consumer({.name = "process " + std::to_string(number)});
             return store->ensure_consumer({.name = "shared"}).to_string();
         })) {
        ids.insert(said);
    }
    EXPECT_EQ(ids.size(), 1U);
    EXPECT_EQ(context.store().ensure_consumer({.name = "shared"}).to_string(), *ids.begin());
}

void processes_that_clean_up_at_once(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    for (int i = 0; i < 60; ++i) {
        context.lease(proxy, context.short_time());
    }
    context.lease(proxy, 1h);
    context.expire("pool", context.short_time(), 1);
    std::int64_t counted = 0;
    std::multiset<std::string> reports;
    for (const auto& said : in_processes(context, 6, [&](int, const Ready& ready) {
             const auto store = context.open();
             ready();
             std::string mine;
             for (const auto& lease : store->cleanup_expired_leases({.collect = true}).leases) {
                 mine += lease.id.to_string();
             }
             return mine;
         })) {
        for (std::size_t from = 0; from < said.size(); from += 36) {
            reports.insert(said.substr(from, 36));
            ++counted;
        }
    }
    EXPECT_EQ(counted, 60);
    EXPECT_EQ(std::set<std::string>(reports.begin(), reports.end()).size(), 60U);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void release_elsewhere_serves_waiters(Context& context) {
    context.use_system_clock();
    context.add_proxy(context.add_pool());
    const Folder signals;
    const auto go = signals.path() / "go";
    const Victim other(context, [&](const Victim::Say& say) {
        const auto store = context.open();
        const auto held = store->acquire({.pool = "pool", .consumer = "worker"});
        while (!std::filesystem::exists(go)) {
            std::this_thread::sleep_for(1ms);
        }
        store->release_lease({.lease_id = held.lease().id});
        say("released");
    });
    Context::until([&] { return context.stats().total_leases == 1; });
    auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience});
    EXPECT_FALSE(is_ready(waiting));
    std::ofstream(go).put('!');
    EXPECT_TRUE(waiting.get());
    EXPECT_EQ(context.stats().total_leases, 1);
}

void expiry_elsewhere_serves_waiters(Context& context) {
    context.use_system_clock();
    context.add_proxy(context.add_pool());
    Victim other(context, [&](const Victim::Say& say) {
        const auto store = context.open();
        const auto held = store->acquire({.pool = "pool", .consumer = "worker", .duration = 500ms});
        say(held ? held.lease().id.to_string() : "none");
    });
    ASSERT_EQ(other.kill_after(1).size(), 1U);
    EXPECT_TRUE(context.acquire({.pool = "pool", .wait = patience})) << "its lease expires, and that wakes";
    EXPECT_EQ(context.stats().total_leases, 1);
}

}  // namespace

std::vector<Case> process_cases() {
    return {
        {"storm_of_processes", {"P-01", "A-06"}, {.processes = true}, storm_of_processes},
        {"processes_that_want_too_much", {"P-01", "L-12"}, {.processes = true}, processes_that_want_too_much},
        {"one_slot_for_many_processes", {"P-01"}, {.processes = true}, one_slot_for_many_processes},
        {"others_see_what_was_acknowledged", {"P-02"}, {.processes = true}, others_see_what_was_acknowledged},
        {"one_rotation_for_all_processes",
         {"P-02", "S-02"},
         {.processes = true, .exact_rotation = true},
         one_rotation_for_all_processes},
        {"tokens_of_many_processes", {"T-01", "P-01"}, {.processes = true}, tokens_of_many_processes},
        {"new_store_opened_by_many", {"P-03", "K-02"}, {.processes = true}, new_store_opened_by_many},
        {"processes_that_clean_up_at_once",
         {"P-04", "E-05"},
         {.processes = true},
         processes_that_clean_up_at_once},
        {"release_elsewhere_serves_waiters",
         {"Q-11", "P-02"},
         {.processes = true},
         release_elsewhere_serves_waiters},
        {"expiry_elsewhere_serves_waiters",
         {"Q-11", "Q-06"},
         {.processes = true},
         expiry_elsewhere_serves_waiters},
    };
}

}  // namespace pharox::testkit
