// acquire with a deadline: order, hand-over, cancellation, and the cost of 10,000 waiters.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "pharox/pharox.hpp"
#include "test/eventually.hpp"
#include "test/threads_of_this_process.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;

constexpr auto generous = 60s;

/// One pool with one proxy and a limit of one lease.
struct OneSlot {
    std::shared_ptr<InMemoryStorage> storage = std::make_shared<InMemoryStorage>();
    ProxyPool pool = bootstrap_pool(*storage, {.name = "p"});
    Proxy proxy = bootstrap_proxy(*storage, pool,
                                  {.host = "10.0.0.1", .port = 80, .country = "AR", .max_concurrency = 1});
    ConsumerId consumer = storage->ensure_consumer({.name = "default"});

    /// Queues a request; the future gets the result.
    std::future<AcquireResult> wait(AcquireRequest request, std::stop_token stop = {}) {
        auto promise = std::make_shared<std::promise<AcquireResult>>();
        storage->acquire_async(
            std::move(request),
            [promise](const AcquireOutcome& outcome) {
                if (outcome.error()) {
                    promise->set_exception(outcome.error());
                } else {
                    promise->set_value(*outcome.result());
                }
            },
            std::move(stop));
        return promise->get_future();
    }
};

bool is_ready(const std::future<AcquireResult>& future) {
    return future.wait_for(0s) == std::future_status::ready;
}

TEST(Waiting, OldestFirst) {
    OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    ASSERT_TRUE(held);
    std::vector<std::future<AcquireResult>> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(one.wait({.pool = "p", .wait = generous}));
    LeaseId last = held.lease().id;
    for (auto& next : waiting) {
        EXPECT_TRUE(one.storage->release_lease({.lease_id = last}).released);
        const AcquireResult got = next.get();
        ASSERT_TRUE(got);
        last = got.lease().id;
    }
}

/// A filter that matches nothing, and whose evaluation blocks until the test ends it.
struct Slow {
    std::promise<void> reached;
    std::promise<void> go_on;
    std::shared_future<void> may_go_on = go_on.get_future().share();
    std::once_flag once;
    ProxyFilters filters() {
        return {.predicate = [this](const Proxy&) {
            std::call_once(once, [this] { reached.set_value(); });
            may_go_on.wait();
            return false;
        }};
    }
};

TEST(Waiting, RequestsQueuedDuringARoundAreServedByAge) {
    Slow first;
    Slow second;
    OneSlot one;
    // While requests are queued, the queue's thread makes the attempts for new ones.
    [[maybe_unused]] const auto other =
        one.wait({.pool = "p", .filters = {.country = "BR"}, .wait = generous});
    [[maybe_unused]] const auto unserved =
        one.wait({.pool = "p", .filters = first.filters(), .wait = generous});
    first.reached.get_future().wait();
    [[maybe_unused]] const auto also_unserved =
        one.wait({.pool = "p", .filters = second.filters(), .wait = generous});
    const ProxyFilters argentine{.country = "AR"};
    std::promise<void> served;
    one.storage->acquire_async({.pool = "p", .filters = argentine, .wait = generous},
                               [&](const AcquireOutcome& outcome) {
                                   one.storage->release_lease({.lease_id = outcome.result()->lease().id});
                                   served.set_value();
                               },
                               {});
    first.go_on.set_value();
    second.reached.get_future().wait();
    // These two are queued during that round; the younger one belongs to the group that is served next.
    auto older = one.wait({.pool = "p", .wait = generous});
    auto younger = one.wait({.pool = "p", .filters = argentine, .wait = generous});
    second.go_on.set_value();
    served.get_future().wait();
    EXPECT_TRUE(older.get());
    EXPECT_FALSE(is_ready(younger));
}

TEST(Waiting, NewRequestsQueueBehindTheOldest) {
    OneSlot one;
    for (int round = 0; round < 200; ++round) {
        const AcquireResult held = one.storage->acquire({.pool = "p"});
        ASSERT_TRUE(held);
        auto waiting = one.wait({.pool = "p", .wait = generous});
        one.storage->release_lease({.lease_id = held.lease().id});
        EXPECT_FALSE(one.storage->acquire({.pool = "p"})) << "a new request overtook in round " << round;
        const AcquireResult got = waiting.get();
        ASSERT_TRUE(got);
        one.storage->release_lease({.lease_id = got.lease().id});
    }
}

TEST(Waiting, RequestsThatNothingFitsBlockNoOthers) {
    OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    auto unserved = one.wait({.pool = "p", .filters = {.country = "BR"}, .wait = generous});
    auto fits = one.wait({.pool = "p", .filters = {.country = "AR"}, .wait = generous});
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(fits.get());
    EXPECT_FALSE(is_ready(unserved));
}

TEST(Waiting, ATimeoutHasTheReason) {
    const OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    EXPECT_EQ(one.storage->acquire({.pool = "p", .wait = 20ms}).miss(), Miss::all_busy);
    EXPECT_EQ(one.storage->acquire({.pool = "p", .filters = {.country = "BR"}, .wait = 20ms}).miss(),
              Miss::nothing_matches);
    EXPECT_EQ(one.storage->acquire({.pool = "nowhere", .wait = generous}).miss(), Miss::pool_unknown);
}

TEST(Waiting, ExpiryActivationAndInsertWake) {
    OneSlot one;
    ASSERT_TRUE(one.storage->acquire({.pool = "p", .duration = 50ms}));
    const AcquireResult after_expiry = one.storage->acquire({.pool = "p", .wait = generous});
    ASSERT_TRUE(after_expiry);

    auto inserted = one.wait({.pool = "p", .wait = generous});
    const Proxy second = bootstrap_proxy(*one.storage, one.pool,
                                         {.host = "10.0.0.2", .port = 80, .status = ProxyStatus::inactive});
    EXPECT_FALSE(is_ready(inserted));
    Proxy active = second;
    active.status = ProxyStatus::active;
    one.storage->catalog()->update_proxy(active);
    EXPECT_EQ(inserted.get().proxy().id, second.id);
}

TEST(Waiting, CancelledLeavesNoLease) {
    OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    const std::stop_source stop;
    auto waiting = one.wait({.pool = "p", .wait = generous}, stop.get_token());
    stop.request_stop();
    EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_EQ(one.storage->get_pool_stats({.pool = "p"})->total_leases, 0);
    auto stopped_before = one.wait({.pool = "p", .wait = generous}, stop.get_token());
    EXPECT_EQ(stopped_before.get().miss(), Miss::cancelled);
    EXPECT_EQ(one.storage->get_pool_stats({.pool = "p"})->total_leases, 0);
}

TEST(Waiting, CancellationRacesHandOver) {
    OneSlot one;
    for (int round = 0; round < 300; ++round) {
        const AcquireResult held = one.storage->acquire({.pool = "p"});
        ASSERT_TRUE(held) << round;
        std::stop_source stop;
        auto waiting = one.wait({.pool = "p", .wait = generous}, stop.get_token());
        std::thread releases([&] { one.storage->release_lease({.lease_id = held.lease().id}); });
        std::thread cancels([&] { stop.request_stop(); });
        releases.join();
        cancels.join();
        const AcquireResult got = waiting.get();
        if (got) {
            one.storage->release_lease({.lease_id = got.lease().id});
        } else {
            EXPECT_EQ(got.miss(), Miss::cancelled);
        }
        ASSERT_EQ(one.storage->get_pool_stats({.pool = "p"})->total_leases, 0) << round;
    }
}

TEST(Waiting, TenThousandNeedOneThreadAndAreAllServed) {
    OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    auto first = one.wait({.pool = "p", .wait = generous});  // starts the queue's thread
    const std::size_t threads = threads_of_this_process();
    constexpr int many = 10'000;
    std::atomic<int> served{0};
    std::promise<void> all;
    for (int i = 0; i < many; ++i) {
        one.storage->acquire_async({.pool = "p", .wait = generous},
                                   [&](AcquireOutcome outcome) {
                                       const AcquireResult got = std::move(outcome).get();
                                       if (got) one.storage->release_lease({.lease_id = got.lease().id});
                                       if (++served == many) all.set_value();
                                   },
                                   {});
    }
    EXPECT_EQ(threads_of_this_process(), threads);
    one.storage->release_lease({.lease_id = held.lease().id});
    one.storage->release_lease({.lease_id = first.get().lease().id});
    EXPECT_EQ(all.get_future().wait_for(generous), std::future_status::ready);
    EXPECT_EQ(served, many);
}

TEST(Waiting, DestroyingTheStorageEndsTheWaits) {
    OneSlot one;
    ASSERT_TRUE(one.storage->acquire({.pool = "p"}));
    auto waiting = one.wait({.pool = "p", .wait = generous});
    one.storage.reset();
    EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
}

TEST(Waiting, CompletionMayDestroyTheStorage) {
    auto one = std::make_unique<OneSlot>();
    const AcquireResult held = one->storage->acquire({.pool = "p"});
    std::promise<void> done;
    one->storage->acquire_async({.pool = "p", .wait = generous},
                                [&](const AcquireOutcome&) {
                                    one.reset();
                                    done.set_value();
                                },
                                {});
    InMemoryStorage& storage = *one->storage;
    storage.release_lease({.lease_id = held.lease().id});
    EXPECT_EQ(done.get_future().wait_for(generous), std::future_status::ready);
}

TEST(Waiting, CompletionThatAcquiresDoesNotWait) {
    OneSlot one;
    ASSERT_TRUE(one.storage->acquire({.pool = "p"}));
    std::promise<Miss> second;
    one.storage->acquire_async(
        {.pool = "p", .wait = 10ms},
        [&](const AcquireOutcome&) {
            second.set_value(one.storage->acquire({.pool = "p", .wait = generous}).miss());
        },
        {});
    EXPECT_EQ(second.get_future().get(), Miss::all_busy);
}

TEST(Waiting, PredicateMayCallTheStorage) {
    OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    ProxyFilters filters;
    filters.predicate = [&](const Proxy&) { return one.storage->get_pool_stats({.pool = "p"}).has_value(); };
    auto waiting = one.wait({.pool = "p", .filters = filters, .wait = generous});
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(waiting.get());
}

TEST(Waiting, RefusesImpossibleWaits) {
    const OneSlot one;
    EXPECT_THROW(one.storage->acquire({.pool = "p", .wait = -1ms}), ValidationError);
    EXPECT_THROW(one.storage->acquire({.pool = "p", .wait = 24h * 31}), ValidationError);
}

/// A store with its own queue, which notifies of proxies that other processes free.
class TellingStorage : public IStorage, private IPoolWatch {
  public:
    explicit TellingStorage(std::shared_ptr<IStorage> inner) : inner_(std::move(inner)) {
        set_pool_watch(*this);
    }

    FindResult find_available_proxy(const FindRequest& request) override {
        return inner_->find_available_proxy(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return inner_->create_lease(request);
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        return inner_->ensure_consumer(request);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        return inner_->release_lease(request);
    }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return inner_->cleanup_expired_leases(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        return inner_->get_pool_stats(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override {
        if (on_attempt) on_attempt();
        last_wait = request.wait;
        AcquireResult result = inner_->try_acquire(request);
        ++attempts;
        return result;
    }
    void notify() { became_available(); }

    std::function<void()> on_attempt{};
    std::atomic<int> attempts{0};
    std::atomic<Duration> last_wait{};
    std::atomic<bool> relied_on{true};
    std::atomic<int> come{0};
    std::atomic<int> unwatched{0};

  private:
    void watch(const std::string& pool) noexcept override { come += pool == "p" ? 1 : 100; }
    void unwatch(const std::string& pool) noexcept override { unwatched += pool == "p" ? 1 : 100; }
    Duration quiet(const std::string& /*pool*/) noexcept override {
        return relied_on ? Duration(24h) : Duration(0);
    }

    std::shared_ptr<IStorage> inner_;
};

TEST(Waiting, TheQueueDoesNotPollIfTheStoreNotifies) {
    const OneSlot one;
    Sealed<TellingStorage> notifying(one.storage);
    const auto wait = [&] {
        return std::async(std::launch::async,
                          [&] { return notifying.acquire({.pool = "p", .wait = generous}); });
    };
    AcquireResult held = one.storage->acquire({.pool = "p"});
    auto first = wait();
    ASSERT_TRUE(eventually([&] { return notifying.come == 1 && notifying.attempts == 2; }));
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_EQ(first.wait_for(200ms), std::future_status::timeout) << "no notification";
    EXPECT_EQ(notifying.attempts, 2) << "one before the queue, and one of the queue after it watches";
    notifying.notify();
    held = first.get();
    ASSERT_TRUE(held);
    EXPECT_EQ(notifying.attempts, 3);
    EXPECT_TRUE(eventually([&] { return notifying.unwatched == 1; }));

    notifying.relied_on = false;
    auto second = wait();
    ASSERT_TRUE(eventually([&] { return notifying.attempts > 20; })) << "it polls";
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(second.get());
    EXPECT_TRUE(eventually([&] { return notifying.unwatched == 2; }));
    EXPECT_EQ(notifying.come, 2);
}

TEST(Waiting, AnAttemptIsPartOfTheWait) {
    const OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    Sealed<TellingStorage> slow(one.storage);
    constexpr auto wait = 20ms;
    slow.on_attempt = [&] {
        const auto end = std::chrono::steady_clock::now() + wait;
        EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > end; }));
    };
    EXPECT_EQ(slow.acquire({.pool = "p", .wait = wait}).miss(), Miss::all_busy);
    EXPECT_EQ(slow.attempts, 1) << "the wait is over: the request is not queued";
    std::promise<Miss> missed;
    slow.acquire_async({.pool = "p", .wait = wait},
                       [&](const AcquireOutcome& outcome) { missed.set_value(outcome.result()->miss()); },
                       {});
    EXPECT_EQ(missed.get_future().get(), Miss::all_busy);
    EXPECT_EQ(slow.attempts, 2);
}

TEST(Waiting, AnAttemptOfAQueuedRequestKnowsWhatIsLeftOfTheWait) {
    const OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    Sealed<TellingStorage> polling(one.storage);
    polling.relied_on = false;
    std::promise<bool> leased;
    polling.acquire_async({.pool = "p", .wait = generous},
                          [&](const AcquireOutcome& outcome) { leased.set_value(!!*outcome.result()); }, {});
    EXPECT_TRUE(eventually([&] { return polling.attempts > 5; }));
    EXPECT_GT(polling.last_wait.load(), Duration(0));
    EXPECT_LT(polling.last_wait.load(), Duration(generous));
    one.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(leased.get_future().get());
}

TEST(Waiting, AnAcquireInACompletionNeitherWaitsNorBlocks) {
    const OneSlot one;
    OneSlot other;
    const AcquireResult held = other.storage->acquire({.pool = "p"});
    auto queued_there = other.wait({.pool = "p", .wait = generous});
    const auto queued = [&] { return other.storage->acquire({.pool = "p", .wait = 0ms}).miss(); };
    EXPECT_EQ(queued(), Miss::all_busy);
    std::promise<Miss> missed;
    const AcquireResult first = one.storage->acquire({.pool = "p"});
    one.storage->acquire_async(
        {.pool = "p", .wait = generous},
        [&](const AcquireOutcome&) {
            missed.set_value(other.storage->acquire({.pool = "p", .wait = generous}).miss());
        },
        {});
    one.storage->release_lease({.lease_id = first.lease().id});
    EXPECT_EQ(missed.get_future().get(), Miss::all_busy) << "one attempt, whichever queue's thread it is";
    other.storage->release_lease({.lease_id = held.lease().id});
    EXPECT_TRUE(queued_there.get());
}

TEST(Waiting, AnAsynchronousAcquireInACompletionDoesNotOvertake) {
    const OneSlot one;
    const AcquireResult held = one.storage->acquire({.pool = "p"});
    std::promise<LeaseId> second;
    std::promise<LeaseId> third;
    one.storage->acquire_async(
        {.pool = "p", .wait = generous},
        [&](const AcquireOutcome& outcome) {
            one.storage->release_lease({.lease_id = outcome.result()->lease().id});
            one.storage->acquire_async(
                {.pool = "p", .wait = generous},
                [&](const AcquireOutcome& again) { third.set_value(again.result()->lease().id); }, {});
        },
        {});
    one.storage->acquire_async(
        {.pool = "p", .wait = generous},
        [&](const AcquireOutcome& outcome) { second.set_value(outcome.result()->lease().id); }, {});
    one.storage->release_lease({.lease_id = held.lease().id});
    const LeaseId older = second.get_future().get();
    auto younger = third.get_future();
    EXPECT_EQ(younger.wait_for(0ms), std::future_status::timeout) << "the request that queued first is first";
    one.storage->release_lease({.lease_id = older});
    EXPECT_NE(younger.get(), older);
}

}  // namespace
