// The store fails before or after a call. Limits hold, nothing that was acknowledged is lost, and the same
// lease id asked again gives the same lease.
#include <atomic>
#include <mutex>
#include <thread>

#include "clients/client_log.hpp"
#include "clients/waiters.hpp"
#include "pharox/manager/proxy_manager.hpp"
#include "pharox/testkit/faults.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"
#include "runner/seeds.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

std::uint64_t seed_of_faults() { return asked_seed().value_or(1); }

/// Lends the case's own store to a decorator, which wants to share it.
std::shared_ptr<FaultyStorage> faulty(Context& context, bool only_the_six) {
    const std::shared_ptr<IStorage> lent(&context.store(), [](IStorage*) {});
    return std::make_shared<FaultyStorage>(
        lent,
        FaultOptions{.seed = seed_of_faults(), .before = 0.1, .after = 0.15, .only_the_six = only_the_six});
}

/// Repeats the call until it returns. A call that could not be repeated safely would show in the counters.
template <class Call>
auto insist(const Call& call) {
    for (int attempt = 0; attempt < 10'000; ++attempt) {
        try {
            return call();
        } catch (const StorageError&) {
            continue;
        }
    }
    throw std::runtime_error("the store failed 10,000 times in a row");
}

void expect_nothing_left(Context& context, std::int64_t proxies) {
    const auto stats = context.stats();
    EXPECT_EQ(stats.total_leases, 0) << "a lease that no caller knows of";
    EXPECT_EQ(stats.available_proxies, proxies);
    context.expect_sound();
}

/// The storm under faults: every acquire is repeated with its id until it returns.
void clients_under_faults(Context& context, bool only_the_six) {
    context.add_proxies(context.add_pool(), 4, [](Proxy& it) { it.max_concurrency = 2; });
    const auto store = faulty(context, only_the_six);
    std::mutex mutex;
    std::vector<Use> uses;
    in_threads(4, [&](int) {
        for (int round = 0; round < 40; ++round) {
            const AcquireRequest request{.pool = "pool",
                                         .consumer = "worker",
                                         .selector = Selector::least_used,
                                         .lease_id = LeaseId::make()};
            const auto got = insist([&] { return store->acquire(request); });
            ASSERT_TRUE(got) << "4 of 8 slots at most were in use: " << got.miss();
            EXPECT_EQ(got.lease().id, request.lease_id);
            const Use use{.proxy = got.proxy().id, .from = monotonic_now(), .to = monotonic_now() + 1};
            const auto again = insist([&] { return store->acquire(request); });
            ASSERT_TRUE(again);
            EXPECT_TRUE(again.replayed);
            EXPECT_EQ(again.lease(), got.lease()) << "the same id gives the same lease";
            const auto ended = insist([&] { return store->release_lease({.lease_id = request.lease_id}); });
            EXPECT_EQ(ended.lease.value().status, LeaseStatus::released);
            const std::lock_guard lock(mutex);
            uses.push_back(use);
        }
    });
    EXPECT_GT(store->faults(), 20);
    EXPECT_EQ(uses.size(), 160U);
    EXPECT_LE(worst_overlap(uses), 2);
    expect_nothing_left(context, 4);
}

void acquires_under_faults(Context& context) { clients_under_faults(context, false); }
void defaults_under_faults(Context& context) { clients_under_faults(context, true); }

/// A caller can repeat the call with the id that the error names.
void error_names_the_lease(Context& context) {
    context.add_proxies(context.add_pool(), 3, [](Proxy& it) { it.max_concurrency = std::nullopt; });
    context.add_consumer(std::string(default_consumer_name));
    const auto store = faulty(context, false);
    ProxyManager manager(store);
    int unknown = 0;
    std::int64_t held = 0;
    for (int round = 0; round < 60; ++round) {
        AcquireRequest request{.pool = "pool"};
        while (true) {
            try {
                const auto got = manager.acquire(request);
                ASSERT_TRUE(got);
                ++held;
                break;
            } catch (const StorageError& error) {
                if (error.operation() == "acquire") {
                    ASSERT_TRUE(error.lease_id()) << error.what();
                    request.lease_id = *error.lease_id();
                    unknown += error.outcome_unknown() ? 1 : 0;
                }
            }
        }
    }
    EXPECT_GT(unknown, 0);
    store->heal();
    EXPECT_EQ(context.stats().total_leases, held)
        << "each acquire made one lease, however often it was asked";
}

void manager_retries_under_faults(Context& context) {
    context.add_proxies(context.add_pool(), 2, [](Proxy& it) { it.max_concurrency = 2; });
    for (const bool only_the_six : {false, true}) {
        const auto store = faulty(context, only_the_six);
        ProxyManager manager(store, {.register_unknown_consumers = true});
        const RetryOptions retry{.attempts = 200, .backoff = Duration(0), .sleep = [](Duration) {}};
        for (int round = 0; round < 10; ++round) {
            std::vector<Lease> held;
            for (int i = 0; i < 4; ++i) {
                const auto got = insist([&] { return manager.acquire_with_retry({.pool = "pool"}, retry); });
                ASSERT_TRUE(got) << got.miss();
                held.push_back(got.lease());
            }
            EXPECT_EQ(context.stats().total_leases, 4);
            EXPECT_FALSE(insist([&] { return manager.acquire({.pool = "pool"}); })) << "the limits hold";
            for (const auto& lease : held) {
                const auto ended = insist([&] { return manager.release(lease); });
                ASSERT_TRUE(ended.lease) << "an acknowledged lease was lost: " << lease;
                EXPECT_EQ(ended.lease->release_reason, ReleaseReason::released);
            }
        }
        expect_nothing_left(context, 2);
    }
}

void batches_under_faults(Context& context) {
    context.add_proxies(context.add_pool(), 4, [](Proxy& it) { it.max_concurrency = 2; });
    for (const bool only_the_six : {false, true}) {
        const auto store = faulty(context, only_the_six);
        int threw = 0;
        for (int round = 0; round < 40; ++round) {
            AcquireManyRequest request{.each = {.pool = "pool", .consumer = "worker"}, .count = 6};
            for (std::size_t i = 0; i < request.count; ++i) {
                request.lease_ids.push_back(LeaseId::make());
            }
            try {
                EXPECT_EQ(store->acquire_many(request).leased.size(), 6U);
            } catch (const StorageError&) {
                ++threw;
            }
            EXPECT_LE(context.stats().total_leases, 6);
            // Whatever came of it: its ids are the caller's, who can end what there is.
            for (const auto& id : request.lease_ids) {
                insist([&] { return store->release_lease({.lease_id = id}); });
            }
            ASSERT_EQ(context.stats().total_leases, 0) << "round " << round;
        }
        EXPECT_GT(threw, 0);
        expect_nothing_left(context, 4);
    }
}

void waits_under_faults(Context& context) {
    context.add_proxy(context.add_pool());
    const auto store = faulty(context, false);
    for (int round = 0; round < 25; ++round) {
        const AcquireRequest first{.pool = "pool", .consumer = "worker", .lease_id = LeaseId::make()};
        const auto held = insist([&] { return store->acquire(first); });
        ASSERT_TRUE(held) << held.miss();
        const AcquireRequest request{.pool = "pool", .lease_id = LeaseId::make(), .wait = patience};
        auto waiting = wait_for(*store, request);
        insist([&] { return store->release_lease({.lease_id = held.lease().id}); });
        std::optional<AcquireResult> got;
        while (!got) {
            try {
                got = waiting.get();
            } catch (const StorageError& error) {
                EXPECT_EQ(error.lease_id(), request.lease_id);
                waiting = wait_for(*store, request);
            }
        }
        ASSERT_TRUE(*got);
        EXPECT_EQ(got->lease().id, request.lease_id);
        insist([&] { return store->release_lease({.lease_id = request.lease_id}); });
        ASSERT_EQ(context.stats().total_leases, 0) << "round " << round;
    }
    expect_nothing_left(context, 1);
}

void renewals_under_faults(Context& context) {
    const auto lease = context.lease(context.add_proxy(context.add_pool()), 1h).lease();
    const auto store = faulty(context, false);
    auto end = lease.expires_at;
    for (int round = 1; round <= 40; ++round) {
        const auto result = insist([&] {
            return store->lease_control()->renew_lease({.lease_id = lease.id, .duration = 1h + 1min * round});
        });
        ASSERT_TRUE(result.renewed);
        EXPECT_GT(result.lease.value().expires_at, end);
        end = result.lease.value().expires_at;
        EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}), result.lease);
    }
    EXPECT_EQ(context.stats().total_leases, 1);
    const auto revoked = insist([&] { return store->lease_control()->revoke_lease({.lease_id = lease.id}); });
    EXPECT_EQ(revoked.lease.value().release_reason, ReleaseReason::revoked);
    expect_nothing_left(context, 1);
}

}  // namespace

std::vector<Case> fault_cases() {
    return {
        {"acquires_under_faults", {"Z-01", "Z-02"}, {.replays = true}, acquires_under_faults},
        {"defaults_under_faults", {"Z-01", "Z-02"}, {.replays = true}, defaults_under_faults},
        {"error_names_the_lease", {"Z-02"}, {.replays = true}, error_names_the_lease},
        {"manager_retries_under_faults", {"Z-01", "Z-03"}, {.replays = true}, manager_retries_under_faults},
        {"batches_under_faults", {"Z-01"}, {.replays = true}, batches_under_faults},
        {"waits_under_faults", {"Z-02"}, {.replays = true}, waits_under_faults},
        {"renewals_under_faults", {"Z-03"}, {.lease_control = true}, renewals_under_faults},
    };
}

}  // namespace pharox::testkit
