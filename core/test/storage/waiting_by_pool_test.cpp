// Queued requests of one pool do not affect other pools, and attempts call the outermost storage.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "pharox/pharox.hpp"
#include "test/eventually.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;

constexpr auto generous = 60s;

/// Records which thread attempted an acquire in which pool, and how leases were released.
class NotingDecorator : public ForwardingStorage {
  public:
    using ForwardingStorage::ForwardingStorage;
    struct Attempt {
        std::string pool;
        std::thread::id thread;
    };

    AcquireResult try_acquire(const AcquireRequest& request) override {
        {
            const std::lock_guard lock(mutex_);
            attempts_.push_back({request.pool, std::this_thread::get_id()});
        }
        if (fail_after) {
            AcquireResult result = ForwardingStorage::try_acquire(request);
            if (result && fail_after(request)) {
                throw StorageError({.store = "noting", .operation = "acquire", .outcome_unknown = true},
                                   "lost");
            }
            return result;
        }
        return ForwardingStorage::try_acquire(request);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        ++releases;
        return ForwardingStorage::release_lease(request);
    }
    ILeaseControl* lease_control() override {
        ++lookups;
        return ForwardingStorage::lease_control();
    }

    [[nodiscard]] std::vector<Attempt> attempts(const std::string& pool) const {
        const std::lock_guard lock(mutex_);
        std::vector<Attempt> found;
        for (const Attempt& attempt : attempts_) {
            if (attempt.pool == pool) found.push_back(attempt);
        }
        return found;
    }

    std::function<bool(const AcquireRequest&)> fail_after;
    std::atomic<int> releases{0};
    std::atomic<int> lookups{0};

  private:
    mutable std::mutex mutex_;
    std::vector<Attempt> attempts_;
};
using Noting = Sealed<NotingDecorator>;

class WaitingByPool : public testing::Test {
  protected:
    WaitingByPool() {
        for (const char* name : {"eu", "us"}) {
            const ProxyPool pool = bootstrap_pool(*memory, {.name = name});
            bootstrap_proxy(*memory, pool, {.host = "10.0.0.1", .port = 80, .max_concurrency = 1});
        }
        memory->ensure_consumer({.name = "default"});
    }

    static std::future<AcquireResult> wait(IStorage& storage, AcquireRequest request,
                                           std::stop_token stop = {}) {
        auto promise = std::make_shared<std::promise<AcquireResult>>();
        storage.acquire_async(
            std::move(request),
            [promise](AcquireOutcome outcome) {
                try {
                    promise->set_value(std::move(outcome).get());
                } catch (...) {
                    promise->set_exception(std::current_exception());
                }
            },
            std::move(stop));
        return promise->get_future();
    }

    std::shared_ptr<InMemoryStorage> memory = std::make_shared<InMemoryStorage>();
    std::shared_ptr<Noting> noting = std::make_shared<Noting>(memory);
};

TEST_F(WaitingByPool, AnAcquireInAnotherPoolIsAttemptedByItsCaller) {
    const AcquireResult held = noting->acquire({.pool = "us"});
    auto waiting = wait(*noting, {.pool = "us", .wait = generous});
    const int lookups = noting->lookups;
    const AcquireResult got = noting->acquire({.pool = "eu", .lease_id = LeaseId::make()});
    ASSERT_TRUE(got);
    ASSERT_EQ(noting->attempts("eu").size(), 1U);
    EXPECT_EQ(noting->attempts("eu").front().thread, std::this_thread::get_id());
    EXPECT_EQ(noting->lookups, lookups) << "no look-up of the lease id";
    noting->release_lease({.lease_id = held.lease().id, .pool = "us"});
    EXPECT_TRUE(waiting.get());
}

TEST_F(WaitingByPool, ANewLeaseIdIsNotLookedUp) {
    const AcquireResult held = noting->acquire({.pool = "us"});
    auto waiting = wait(*noting, {.pool = "us", .wait = generous});
    EXPECT_FALSE(noting->acquire({.pool = "us", .lease_id = LeaseId::make(), .lease_id_is_new = true}));
    EXPECT_EQ(noting->lookups, 0);
    EXPECT_FALSE(noting->acquire({.pool = "us", .lease_id = LeaseId::make()}));
    EXPECT_EQ(noting->lookups, 1);
    EXPECT_TRUE(noting->acquire({.pool = "us", .lease_id = held.lease().id})) << "it exists";
    noting->release_lease({.lease_id = held.lease().id, .pool = "us"});
    EXPECT_TRUE(waiting.get());
}

TEST_F(WaitingByPool, AReleaseServesThePoolsOwnWaiters) {
    const AcquireResult eu = noting->acquire({.pool = "eu"});
    const AcquireResult us = noting->acquire({.pool = "us"});
    auto in_eu = wait(*noting, {.pool = "eu", .wait = generous});
    auto in_us = wait(*noting, {.pool = "us", .wait = generous});
    memory->release_lease({.lease_id = us.lease().id, .pool = "us"});
    EXPECT_TRUE(in_us.get());
    EXPECT_EQ(in_eu.wait_for(0s), std::future_status::timeout);
    memory->release_lease({.lease_id = eu.lease().id, .pool = "eu"});
    EXPECT_TRUE(in_eu.get());
}

TEST_F(WaitingByPool, ASlowAttemptDelaysAnotherPoolByThatAttemptAlone) {
    const AcquireResult eu = noting->acquire({.pool = "eu"});
    std::promise<void> reached;
    std::promise<void> go_on;
    std::atomic<int> asked{0};
    const auto slow = [&](const Proxy&) {
        if (asked++ == 0) {
            reached.set_value();
            go_on.get_future().wait();
        }
        return false;
    };
    std::vector<std::future<AcquireResult>> hopeless;
    hopeless.push_back(wait(*noting, {.pool = "us", .filters = {.country = "BR"}, .wait = generous}));
    hopeless.push_back(wait(*noting, {.pool = "us", .filters = {.predicate = slow}, .wait = generous}));
    reached.get_future().wait();
    for (const char* country : {"AR", "CL", "PE"}) {
        hopeless.push_back(wait(*noting, {.pool = "us", .filters = {.country = country}, .wait = generous}));
    }
    auto waiting = wait(*noting, {.pool = "eu", .wait = generous});
    memory->release_lease({.lease_id = eu.lease().id, .pool = "eu"});
    EXPECT_EQ(waiting.wait_for(10ms), std::future_status::timeout) << "one thread serves both";
    go_on.set_value();
    EXPECT_TRUE(waiting.get());
}

TEST_F(WaitingByPool, EveryAttemptOfAWaiterGoesThroughTheDecorator) {
    const AcquireResult held = memory->acquire({.pool = "eu"});
    auto waiting = wait(*noting, {.pool = "eu", .wait = generous});
    memory->release_lease({.lease_id = held.lease().id, .pool = "eu"});
    EXPECT_TRUE(waiting.get());
    EXPECT_GE(noting->attempts("eu").size(), 2U) << "at once, and in the queue";
}

TEST_F(WaitingByPool, ADecoratorAndItsStorageShareOneOrder) {
    const AcquireResult held = memory->acquire({.pool = "eu"});
    auto first = wait(*noting, {.pool = "eu", .wait = generous});
    auto second = wait(*memory, {.pool = "eu", .wait = generous});
    auto third = wait(*noting, {.pool = "eu", .wait = generous});
    LeaseId last = held.lease().id;
    for (auto* const next : {&first, &second, &third}) {
        memory->release_lease({.lease_id = last, .pool = "eu"});
        const AcquireResult got = next->get();
        ASSERT_TRUE(got);
        last = got.lease().id;
    }
}

TEST_F(WaitingByPool, ADestroyedDecoratorEndsItsOwnWaitsAlone) {
    const AcquireResult held = memory->acquire({.pool = "eu"});
    auto through_it = wait(*noting, {.pool = "eu", .wait = generous});
    auto other = wait(*memory, {.pool = "eu", .wait = generous});
    noting.reset();
    EXPECT_EQ(through_it.get().miss(), Miss::cancelled);
    memory->release_lease({.lease_id = held.lease().id, .pool = "eu"});
    EXPECT_TRUE(other.get());
}

TEST_F(WaitingByPool, ADecoratorMayBeDestroyedDuringAttempts) {
    const AcquireResult held = memory->acquire({.pool = "eu"});
    for (int round = 0; round < 200; ++round) {
        auto decorator = std::make_shared<Noting>(memory);
        auto waiting = wait(*decorator, {.pool = "eu", .wait = generous});
        if (round % 2 == 0) std::this_thread::yield();
        decorator.reset();
        EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
    }
}

TEST_F(WaitingByPool, BatchesGoThroughTheDecorator) {
    const AcquireManyResult batch = noting->acquire_many({.each = {.pool = "eu"}, .count = 2});
    EXPECT_EQ(batch.leased.size(), 1U);
    EXPECT_EQ(noting->attempts("eu").size(), 2U);
    noting->release_many({{.lease_id = batch.leased.front().lease().id, .pool = "eu"}});
    EXPECT_EQ(noting->releases, 1);
}

TEST_F(WaitingByPool, ACancelledWaitReleasesWhatAnUnknownOutcomeMayHaveLeased) {
    const std::stop_source stop;
    std::atomic<bool> in_queue{false};
    noting->fail_after = [&](const AcquireRequest&) {
        if (!in_queue) return false;
        std::stop_source(stop).request_stop();
        return true;
    };
    const AcquireResult held = noting->acquire({.pool = "eu"});
    auto waiting = wait(*noting, {.pool = "eu", .wait = generous}, stop.get_token());
    in_queue = true;
    memory->release_lease({.lease_id = held.lease().id, .pool = "eu"});
    EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
    EXPECT_EQ(memory->get_pool_stats({.pool = "eu"})->total_leases, 0);
}

}  // namespace
