// Acquires that wait: the storage's queue, on the storage's own threads.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>
#include <vector>

#include "clients/waiters.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// The one proxy of "pool", which takes one lease.
Proxy one_slot(Context& context) {
    return context.add_proxy(context.add_pool(), [](Proxy& it) { it.country = "AR"; });
}

std::size_t threads_of_this_process() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

void release_serves_a_waiter(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool"});
    auto waiting = wait_for(context.store(), {.pool = "pool", .duration = 7s, .wait = patience});
    EXPECT_FALSE(is_ready(waiting));
    EXPECT_TRUE(context.release(held.lease()));
    const auto got = waiting.get();
    ASSERT_TRUE(got);
    EXPECT_NE(got.lease().id, held.lease().id);
    EXPECT_EQ(got.lease().expires_at - got.lease().acquired_at, 7s);
    EXPECT_GE(got.lease().acquired_at, held.lease().acquired_at);
    EXPECT_EQ(context.stats().total_leases, 1);
    // The same from a thread that blocks.
    const std::jthread releases([&] { context.release(got.lease()); });
    EXPECT_TRUE(context.acquire({.pool = "pool", .wait = patience}));
}

void oldest_is_served_first(Context& context) {
    one_slot(context);
    auto last = context.acquire({.pool = "pool"}).lease();
    std::vector<std::future<AcquireResult>> waiting;
    for (int i = 0; i < 6; ++i) {
        // Requests with different filters too: it is one queue.
        waiting.push_back(wait_for(
            context.store(), {.pool = "pool",
                              .filters = i % 2 == 0 ? ProxyFilters{} : ProxyFilters{.country = "AR"},
                              .selector = i % 3 == 0 ? Selector::round_robin : Selector::first_available,
                              .wait = patience}));
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        EXPECT_TRUE(context.release(last));
        const auto got = waiting[i].get();
        ASSERT_TRUE(got) << i;
        last = got.lease();
        for (std::size_t later = i + 1; later < waiting.size(); ++later) {
            EXPECT_FALSE(is_ready(waiting[later])) << later << " was served before an older waiter";
        }
    }
}

/// `ask` makes attempts without waiting, and returns what it leased.
void expect_no_overtaking(Context& context, const std::function<std::vector<LeasedProxy>()>& ask) {
    one_slot(context);
    for (int round = 0; round < 30; ++round) {
        const auto held = context.acquire({.pool = "pool"});
        ASSERT_TRUE(held) << round;
        auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience});
        EXPECT_TRUE(context.release(held.lease()));
        const std::vector<LeasedProxy> overtook = ask();
        EXPECT_TRUE(overtook.empty()) << "who came later overtook in round " << round;
        for (const LeasedProxy& leased : overtook) context.release(leased.lease());
        const auto got = waiting.get();
        ASSERT_TRUE(got) << round;
        EXPECT_TRUE(context.release(got.lease()));
    }
}

void new_request_does_not_overtake(Context& context) {
    expect_no_overtaking(context, [&]() -> std::vector<LeasedProxy> {
        const auto younger = context.acquire({.pool = "pool"});
        if (!younger) return {};
        return {younger.leased()};
    });
}

void batch_does_not_overtake(Context& context) {
    expect_no_overtaking(context, [&] {
        return context.store()
            .acquire_many({.each = {.pool = "pool", .consumer = "worker"}, .count = 2})
            .leased;
    });
}

/// A caller that lost the answer repeats its call while another request waits.
void active_lease_is_returned_at_once(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool", .lease_id = LeaseId::make()}).lease();
    auto older = wait_for(context.store(), {.pool = "pool", .wait = patience});
    for (const Duration wait : {Duration(0), Duration(patience)}) {
        const auto again = context.acquire({.pool = "pool", .lease_id = held.id, .wait = wait});
        ASSERT_TRUE(again) << "the waiter was served";
        EXPECT_EQ(again.lease().id, held.id);
        EXPECT_TRUE(again.replayed);
    }
    EXPECT_FALSE(is_ready(older));
    EXPECT_TRUE(context.release(held));
    const auto got = older.get();
    ASSERT_TRUE(got);
    auto next = wait_for(context.store(), {.pool = "pool", .wait = patience});
    for (const Duration wait : {Duration(0), Duration(patience)}) {
        const auto ended = context.acquire({.pool = "pool", .lease_id = held.id, .wait = wait});
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.miss(), Miss::lease_ended);
    }
    EXPECT_FALSE(is_ready(next));
    EXPECT_TRUE(context.release(got.lease()));
    EXPECT_TRUE(next.get());
}

void expiry_is_reported_beside_waiters(Context& context) {
    one_slot(context);
    context.add_proxy(context.add_pool("other"));
    const auto lost = context.acquire({.pool = "other", .duration = context.short_time()}).lease();
    const auto held = context.acquire({.pool = "pool"}).lease();
    auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience});
    context.expire("other", context.short_time());
    // This request queues behind the waiter.
    std::vector<Lease> reported = context.acquire({.pool = "pool"}).expired;
    EXPECT_TRUE(context.release(held));
    const auto got = waiting.get();
    ASSERT_TRUE(got);
    reported.insert(reported.end(), got.expired.begin(), got.expired.end());
    const auto rest = context.store().cleanup_expired_leases({.collect = true}).leases;
    reported.insert(reported.end(), rest.begin(), rest.end());
    EXPECT_EQ(
        std::count_if(reported.begin(), reported.end(), [&](const Lease& it) { return it.id == lost.id; }),
        1);
}

void waiter_that_nothing_fits_blocks_no_other(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool"});
    auto hopeless =
        wait_for(context.store(), {.pool = "pool", .filters = {.country = "BR"}, .wait = patience});
    auto fits = wait_for(context.store(), {.pool = "pool", .filters = {.country = "AR"}, .wait = patience});
    EXPECT_TRUE(context.release(held.lease()));
    const auto got = fits.get();
    ASSERT_TRUE(got);
    EXPECT_TRUE(context.release(got.lease()));
    EXPECT_TRUE(context.acquire({.pool = "pool", .wait = patience}))
        << "a newer request must not be served first either";
    EXPECT_FALSE(is_ready(hopeless));
    context.add_proxy({.id = held.lease().pool_id}, [](Proxy& it) { it.country = "BR"; });
    EXPECT_TRUE(hopeless.get());
}

void timeout_gives_the_reason(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool"});
    const auto missed = [&](const AcquireRequest& request, Miss truth) {
        const auto from = std::chrono::steady_clock::now();
        const auto result = context.acquire(request);
        ASSERT_FALSE(result);
        EXPECT_GE(std::chrono::steady_clock::now() - from, request.wait) << "the wait ended before its time";
        EXPECT_TRUE(result.miss() == truth || result.miss() == Miss::none_available) << result.miss();
    };
    missed({.pool = "pool", .wait = 30ms}, Miss::all_busy);
    missed({.pool = "pool", .filters = {.country = "BR"}, .wait = 30ms}, Miss::nothing_matches);
    missed({.pool = "pool"}, Miss::all_busy);
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_TRUE(context.release(held.lease()));
    const auto next = context.acquire({.pool = "pool"});
    EXPECT_TRUE(next) << "none of them is left in the queue";
}

void permanent_misses_end_the_wait(Context& context) {
    one_slot(context);
    EXPECT_EQ(context.acquire({.pool = "elsewhere", .wait = patience}).miss(), Miss::pool_unknown);
    const auto held = context.acquire({.pool = "pool"}).lease();
    const auto again = context.acquire({.pool = "pool", .lease_id = held.id, .wait = patience});
    ASSERT_TRUE(again) << "the pool is full because of this very lease";
    EXPECT_TRUE(again.replayed);
    auto queued = wait_for(context.store(), {.pool = "pool", .lease_id = held.id, .wait = patience});
    EXPECT_TRUE(queued.get());
    EXPECT_TRUE(context.release(held));
    EXPECT_EQ(context.acquire({.pool = "pool", .lease_id = held.id, .wait = patience}).miss(),
              Miss::lease_ended);
    EXPECT_TRUE(thrown<ConsumerNotFoundError>(
        [&] { context.store().acquire({.pool = "pool", .consumer = "stranger", .wait = patience}); }));
    expect_refused<ValidationError>("wait_ms", [&] { context.acquire({.pool = "pool", .wait = -1ms}); });
    expect_refused<ValidationError>("wait_ms", [&] { context.acquire({.pool = "pool", .wait = 24h * 31}); });
}

void expiry_wakes(Context& context) {
    one_slot(context);
    const auto lost = context.acquire({.pool = "pool", .duration = context.short_time()}).lease();
    auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience});
    if (context.has_test_clock()) {
        EXPECT_FALSE(is_ready(waiting));
        context.clock().advance(context.short_time());
    }
    const auto got = waiting.get();
    ASSERT_TRUE(got);
    EXPECT_GE(got.lease().acquired_at, lost.expires_at);
    EXPECT_EQ(context.stats().total_leases, 1);
}

void insert_and_activation_wake(Context& context) {
    const auto pool = context.add_pool();
    auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience});
    auto second = wait_for(context.store(), {.pool = "pool", .wait = patience});
    auto proxy = context.add_proxy(pool, [](Proxy& it) { it.status = ProxyStatus::inactive; });
    EXPECT_FALSE(is_ready(waiting));
    proxy.status = ProxyStatus::active;
    context.catalog().update_proxy(proxy);
    const auto first = waiting.get();
    ASSERT_TRUE(first);
    EXPECT_EQ(first.proxy().id, proxy.id);
    EXPECT_FALSE(is_ready(second));
    proxy.max_concurrency = 2;
    context.catalog().update_proxy(proxy);
    EXPECT_EQ(second.get().proxy().id, proxy.id) << "a raised limit";
    auto third = wait_for(context.store(), {.pool = "pool", .wait = patience});
    const auto fresh = context.new_proxy(pool);
    context.catalog().add_proxies({.proxies = {fresh}});
    EXPECT_EQ(third.get().proxy().id, fresh.id);
}

void cancelled_wait_leaves_no_lease(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool"});
    const std::stop_source stop;
    auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience}, stop.get_token());
    auto behind = wait_for(context.store(), {.pool = "pool", .wait = patience});
    stop.request_stop();
    EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
    EXPECT_FALSE(is_ready(behind));
    auto stopped_before = wait_for(context.store(), {.pool = "pool", .wait = patience}, stop.get_token());
    EXPECT_EQ(stopped_before.get().miss(), Miss::cancelled);
    EXPECT_TRUE(context.release(held.lease()));
    EXPECT_TRUE(behind.get());
    EXPECT_EQ(context.stats().total_leases, 1);
}

void cancellation_races_hand_over(Context& context) {
    one_slot(context);
    for (int round = 0; round < 30; ++round) {
        const auto held = context.acquire({.pool = "pool"});
        ASSERT_TRUE(held) << round;
        std::stop_source stop;
        auto waiting = wait_for(context.store(), {.pool = "pool", .wait = patience}, stop.get_token());
        in_threads(2, [&](int number) {
            if (number == 0) {
                context.release(held.lease());
            } else {
                stop.request_stop();
            }
        });
        const auto got = waiting.get();
        if (got) {
            EXPECT_TRUE(context.release(got.lease()));
        } else {
            EXPECT_EQ(got.miss(), Miss::cancelled);
        }
        ASSERT_EQ(context.stats().total_leases, 0) << "a lease that no caller received, in round " << round;
    }
}

void destroying_the_storage_ends_the_waits(Context& context) {
    one_slot(context);
    ASSERT_TRUE(context.acquire({.pool = "pool"}));
    std::vector<std::future<AcquireResult>> waiting;
    for (int i = 0; i < 3; ++i) {
        waiting.push_back(wait_for(context.store(), {.pool = "pool", .wait = patience}));
    }
    context.close();
    for (auto& each : waiting) {
        EXPECT_EQ(each.get().miss(), Miss::cancelled);
    }
}

void many_waits_hold_no_thread(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto held = context.acquire({.pool = "pool"});
    auto first = wait_for(context.store(), {.pool = "pool", .wait = patience});  // its thread is there now
    const auto threads = threads_of_this_process();
    constexpr int many = 10'000;
    constexpr int served_at_least = 30;
    std::atomic<int> served = 0;
    std::atomic<int> ended = 0;
    for (int i = 0; i < many; ++i) {
        auto& store = context.store();
        store.acquire_async({.pool = "pool", .consumer = "worker", .wait = patience},
                            [&](const AcquireOutcome& outcome) {
                                const auto* const got = outcome.result();
                                if (got != nullptr && *got && ++served < served_at_least) {
                                    store.release_lease({.lease_id = got->lease().id, .pool = "pool"});
                                }
                                ++ended;
                            },
                            {});
    }
    EXPECT_LE(threads_of_this_process(), threads + 1)
        << "one may be begun for all, to listen for other processes";
    EXPECT_TRUE(context.release(held.lease()));
    EXPECT_TRUE(context.release(first.get().lease()));
    Context::until([&] { return served == served_at_least; });
    EXPECT_EQ(context.stats().total_leases, 1);
    context.close();
    EXPECT_EQ(ended, many) << "each is called once";
    EXPECT_EQ(served, served_at_least);
}

void queue_is_bounded(Context& context) {
    one_slot(context);
    ASSERT_TRUE(context.acquire({.pool = "pool"}));
    constexpr std::size_t most = 100'000;
    std::atomic<std::size_t> cancelled = 0;
    std::atomic<std::size_t> full = 0;
    for (std::size_t i = 0; i < most + 5; ++i) {
        context.store().acquire_async({.pool = "pool", .consumer = "worker", .wait = 1h},
                                      [&](const AcquireOutcome& outcome) {
                                          const auto* const result = outcome.result();
                                          if (result != nullptr && !*result) {
                                              cancelled += result->miss() == Miss::cancelled ? 1 : 0;
                                              full += result->miss() == Miss::queue_full ? 1 : 0;
                                          }
                                      },
                                      {});
    }
    EXPECT_EQ(full, 5U);
    context.close();
    EXPECT_EQ(cancelled, most);
}

/// More waiters than slots: every waiter is served in the end, and no limit is exceeded.
void waiters_under_contention(Context& context) {
    context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 2; });
    std::mutex mutex;
    std::vector<Use> uses;
    in_threads(8, [&](int number) {
        for (int round = 0; round < 25; ++round) {
            const auto got =
                context.acquire({.pool = "pool",
                                 .selector = number % 2 == 0 ? Selector::round_robin : Selector::least_used,
                                 .wait = patience});
            ASSERT_TRUE(got) << got.miss();
            const Use use{.proxy = got.proxy().id, .from = monotonic_now(), .to = monotonic_now() + 1};
            EXPECT_TRUE(context.release(got.lease()));
            const std::lock_guard lock(mutex);
            uses.push_back(use);
        }
    });
    EXPECT_EQ(uses.size(), 200U);
    EXPECT_LE(worst_overlap(uses), 2);
    EXPECT_EQ(context.stats().total_leases, 0);
    context.expect_sound();
}

void predicate_of_a_waiter(Context& context) {
    one_slot(context);
    const auto held = context.acquire({.pool = "pool"});
    ProxyFilters filters;
    filters.predicate = [&](const Proxy&) {
        return context.store().get_pool_stats({.pool = "pool"}).has_value();
    };
    auto waiting = wait_for(context.store(), {.pool = "pool", .filters = filters, .wait = patience});
    filters.predicate = [](const Proxy&) -> bool { throw std::runtime_error("mine"); };
    auto throwing = wait_for(context.store(), {.pool = "pool", .filters = filters, .wait = patience});
    EXPECT_TRUE(context.release(held.lease()));
    const auto got = waiting.get();
    ASSERT_TRUE(got);
    EXPECT_TRUE(context.release(got.lease()));
    EXPECT_THROW(throwing.get(), std::runtime_error);
    EXPECT_EQ(context.stats().total_leases, 0);
}

}  // namespace

std::vector<Case> waiting_cases() {
    return {
        {"release_serves_a_waiter", {"Q-01"}, {}, release_serves_a_waiter},
        {"oldest_is_served_first", {"Q-02"}, {}, oldest_is_served_first},
        {"new_request_does_not_overtake", {"Q-02"}, {}, new_request_does_not_overtake},
        {"batch_does_not_overtake", {"Q-02", "B-01"}, {}, batch_does_not_overtake},
        {"active_lease_is_returned_at_once",
         {"Q-05", "I-02", "I-03"},
         {.replays = true},
         active_lease_is_returned_at_once},
        {"expiry_is_reported_beside_waiters", {"Q-12", "E-05"}, {}, expiry_is_reported_beside_waiters},
        {"waiter_that_nothing_fits_blocks_no_other", {"Q-03"}, {}, waiter_that_nothing_fits_blocks_no_other},
        {"timeout_gives_the_reason", {"Q-04", "A-05"}, {}, timeout_gives_the_reason},
        {"permanent_misses_end_the_wait",
         {"Q-05", "I-03", "V-02"},
         {.replays = true},
         permanent_misses_end_the_wait},
        {"expiry_wakes", {"Q-06"}, {}, expiry_wakes},
        {"insert_and_activation_wake", {"Q-06"}, {.catalog = true}, insert_and_activation_wake},
        {"cancelled_wait_leaves_no_lease", {"Q-07"}, {}, cancelled_wait_leaves_no_lease},
        {"cancellation_races_hand_over", {"Q-07"}, {}, cancellation_races_hand_over},
        {"destroying_the_storage_ends_the_waits", {"Q-08"}, {}, destroying_the_storage_ends_the_waits},
        {"many_waits_hold_no_thread", {"Q-09", "Q-08"}, {}, many_waits_hold_no_thread},
        {"queue_is_bounded", {"Q-09"}, {}, queue_is_bounded},
        {"waiters_under_contention", {"Q-01", "L-12"}, {}, waiters_under_contention},
        {"predicate_of_a_waiter", {"Q-10", "X-12"}, {}, predicate_of_a_waiter},
    };
}

}  // namespace pharox::testkit
