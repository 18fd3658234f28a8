// Many leases in one call.
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

AcquireManyRequest batch(std::size_t count, bool distinct = false) {
    return {.each = {.pool = "pool", .consumer = "worker"}, .count = count, .distinct = distinct};
}

void batch_leases_as_many_as_asked(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = 2; });
    auto request = batch(4);
    request.each.duration = 7s;
    request.each.max_tenure = 9s;
    request.each.metadata = Json::object({{"job", 1}});
    request.each.selector = Selector::least_used;
    const auto result = context.store().acquire_many(request);
    ASSERT_EQ(result.leased.size(), 4U);
    EXPECT_FALSE(result.miss);
    std::set<LeaseId> ids;
    std::map<ProxyId, int> on;
    for (const auto& leased : result.leased) {
        ids.insert(leased.lease().id);
        ++on[leased.proxy().id];
        EXPECT_EQ(leased.lease().expires_at, leased.lease().acquired_at + 7s);
        EXPECT_EQ(leased.lease().tenure_ends_at, leased.lease().acquired_at + 9s);
        EXPECT_EQ(leased.lease().metadata, request.each.metadata);
        EXPECT_EQ(leased.proxy().current_leases, on[leased.proxy().id]);
        EXPECT_FALSE(leased.replayed);
    }
    EXPECT_EQ(ids.size(), 4U);
    EXPECT_EQ(on.size(), 3U) << "each lease by the selector's order at that time";
    EXPECT_EQ(context.stats().total_leases, 4);
}

void short_batch_is_no_error(Context& context) {
    context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 2; });
    const auto full = context.store().acquire_many(batch(10));
    EXPECT_EQ(full.leased.size(), 4U) << "a proxy repeats within its limit";
    ASSERT_TRUE(full.miss);
    EXPECT_TRUE(full.miss == Miss::all_busy || full.miss == Miss::none_available) << *full.miss;
    EXPECT_EQ(context.stats().total_leases, 4);
    const auto none = context.store().acquire_many(batch(3));
    EXPECT_TRUE(none.leased.empty());
    EXPECT_TRUE(none.miss);
    auto unmatched_request = batch(3);
    unmatched_request.each.filters.country = "AR";
    const auto unmatched = context.store().acquire_many(unmatched_request).miss;
    EXPECT_TRUE(unmatched == Miss::nothing_matches || unmatched == Miss::none_available);
    auto elsewhere = batch(3);
    elsewhere.each.pool = "elsewhere";
    EXPECT_EQ(context.store().acquire_many(elsewhere).miss, Miss::pool_unknown);
}

void distinct_batch_repeats_no_proxy(Context& context) {
    const auto proxies =
        context.add_proxies(context.add_pool(), 4, [](Proxy& it) { it.max_concurrency = 3; });
    auto request = batch(4, true);
    request.each.filters.exclude = {proxies[1].id};
    const auto result = context.store().acquire_many(request);
    std::set<ProxyId> used;
    for (const auto& leased : result.leased) {
        EXPECT_TRUE(used.insert(leased.proxy().id).second) << leased.proxy();
    }
    EXPECT_EQ(used, (std::set<ProxyId>{proxies[0].id, proxies[2].id, proxies[3].id}));
    EXPECT_TRUE(result.miss);
    EXPECT_EQ(context.store().acquire_many(batch(4, true)).leased.size(), 4U);
    EXPECT_EQ(context.stats().total_leases, 7);
}

void batch_uses_the_ids_that_are_given(Context& context) {
    context.add_proxies(context.add_pool(), 3);
    auto request = batch(3);
    request.lease_ids = {LeaseId::make(), LeaseId::make(), LeaseId::make()};
    const auto first = context.store().acquire_many(request);
    ASSERT_EQ(first.leased.size(), 3U);
    const auto again = context.store().acquire_many(request);
    ASSERT_EQ(again.leased.size(), 3U) << "the pool is full because of these very leases";
    EXPECT_FALSE(again.miss);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(first.leased[i].lease().id, request.lease_ids[i]);
        EXPECT_EQ(again.leased[i].lease(), first.leased[i].lease());
        EXPECT_TRUE(again.leased[i].replayed);
    }
    EXPECT_EQ(context.stats().total_leases, 3);
}

void batch_with_a_known_id(Context& context) {
    context.add_proxies(context.add_pool(), 3);
    const LeaseId known = LeaseId::make();
    const auto before = context.acquire({.pool = "pool", .consumer = "worker", .lease_id = known});
    ASSERT_TRUE(before);
    auto request = batch(3);
    request.lease_ids = {LeaseId::make(), known, LeaseId::make()};
    const auto result = context.store().acquire_many(request);
    ASSERT_EQ(result.leased.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(result.leased[i].lease().id, request.lease_ids[i]) << "lease_ids[" << i << "]";
        EXPECT_EQ(result.leased[i].replayed, i == 1) << "lease_ids[" << i << "]";
    }
    EXPECT_EQ(result.leased[1].lease(), before.lease());
    EXPECT_EQ(context.stats().total_leases, 3);
}

void batch_that_throws_leaves_nothing(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 3);
    auto stranger = batch(2);
    stranger.each.consumer = "stranger";
    EXPECT_TRUE(thrown<ConsumerNotFoundError>([&] { context.store().acquire_many(stranger); }));
    EXPECT_EQ(context.stats().total_leases, 0);
    // The second id belongs to another consumer: by then the first lease was made.
    context.add_consumer("other");
    const auto taken = LeaseId::make();
    ASSERT_TRUE(context.acquire({.pool = "pool", .consumer = "other", .lease_id = taken}));
    auto conflict = batch(2);
    conflict.lease_ids = {LeaseId::make(), taken};
    EXPECT_TRUE(thrown<ConflictError>([&] { context.store().acquire_many(conflict); }));
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_EQ(context.stats().available_proxies, 2);
}

void invalid_batches_are_refused(Context& context) {
    context.add_proxies(context.add_pool(), 2);
    const auto refused = [&](const char* field, const AcquireManyRequest& request) {
        expect_refused<ValidationError>(field, [&] { context.store().acquire_many(request); });
        EXPECT_EQ(context.stats().total_leases, 0) << field;
    };
    refused("count", batch(0));
    refused("count", batch(1'001));
    auto ids = batch(2);
    ids.lease_ids = {LeaseId::make()};
    refused("lease_ids", ids);
    auto excluded = batch(2, true);
    excluded.each.filters.exclude.assign(999, ProxyId::make());
    refused("count", excluded);
    auto waiting = batch(2);
    waiting.each.wait = 1ms;
    refused("each.wait_ms", waiting);
    auto with_id = batch(2);
    with_id.each.lease_id = LeaseId::make();
    refused("each.lease_id", with_id);
    auto each = batch(2);
    each.each.duration = 0s;
    expect_refused<InvalidLeaseError>("duration_ms", [&] { context.store().acquire_many(each); });
    EXPECT_EQ(context.store().acquire_many(batch(1'000)).leased.size(), 2U);
}

void batch_of_releases(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 3);
    const auto a = context.lease(proxies[0]).lease();
    const auto b = context.lease(proxies[1], context.short_time()).lease();
    const auto c = context.lease(proxies[2]).lease();
    context.expire("pool", context.short_time(), 2);
    EXPECT_TRUE(context.store().release_many({}).empty());
    const auto results = context.store().release_many({{.lease_id = c.id, .pool = "pool"},
                                                       {.lease_id = LeaseId::make()},
                                                       {.lease_id = b.id},
                                                       {.lease_id = c.id}});
    ASSERT_EQ(results.size(), 4U) << "in the order of the requests";
    EXPECT_TRUE(results[0].released);
    EXPECT_EQ(results[0].lease.value().id, c.id);
    EXPECT_EQ(results[0].lease.value().release_reason, ReleaseReason::released);
    EXPECT_FALSE(results[1].released);
    EXPECT_FALSE(results[1].lease);
    EXPECT_FALSE(results[2].released);
    EXPECT_EQ(results[2].lease, as_of(b, b.expires_at));
    EXPECT_FALSE(results[3].released);
    EXPECT_EQ(results[3].lease, results[0].lease);
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_TRUE(context.release(a));
}

void racing_batches_keep_the_limits(Context& context) {
    context.add_proxies(context.add_pool(), 5, [](Proxy& it) { it.max_concurrency = 2; });
    for (int round = 0; round < 10; ++round) {
        std::atomic<std::size_t> leased = 0;
        std::mutex mutex;
        std::vector<ReleaseRequest> held;
        in_threads(4, [&](int number) {
            auto request = batch(4, number % 2 == 0);
            request.each.selector = Selector::random;
            const auto result = context.store().acquire_many(request);
            leased += result.leased.size();
            const std::lock_guard lock(mutex);
            for (const auto& each : result.leased) {
                held.push_back({.lease_id = each.lease().id, .pool = "pool"});
            }
        });
        EXPECT_LE(leased, 10U);
        EXPECT_GE(leased, 4U);
        EXPECT_EQ(context.stats().total_leases, static_cast<std::int64_t>(leased));
        for (const auto& result : context.store().release_many(held)) {
            EXPECT_TRUE(result.released);
        }
        EXPECT_EQ(context.stats().available_proxies, 5);
    }
    context.expect_sound();
}

}  // namespace

std::vector<Case> batch_cases() {
    return {
        {"batch_leases_as_many_as_asked", {"B-01"}, {}, batch_leases_as_many_as_asked},
        {"short_batch_is_no_error", {"B-02"}, {}, short_batch_is_no_error},
        {"distinct_batch_repeats_no_proxy", {"B-03"}, {}, distinct_batch_repeats_no_proxy},
        {"batch_uses_the_ids_that_are_given",
         {"B-04", "I-02"},
         {.replays = true},
         batch_uses_the_ids_that_are_given},
        {"batch_with_a_known_id", {"B-04", "I-02"}, {.replays = true}, batch_with_a_known_id},
        {"batch_that_throws_leaves_nothing", {"B-05"}, {.replays = true}, batch_that_throws_leaves_nothing},
        {"invalid_batches_are_refused", {"B-06", "V-03"}, {}, invalid_batches_are_refused},
        {"batch_of_releases", {"B-07"}, {}, batch_of_releases},
        {"racing_batches_keep_the_limits", {"B-08", "L-12"}, {}, racing_batches_keep_the_limits},
    };
}

}  // namespace pharox::testkit
