// Leasing from an event loop: tokens, coroutines, cancellation at every point.
#include "pharox/asio/leasing.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <semaphore>
#include <thread>
#include <tuple>
#include <utility>

#include "pharox/manager/bootstrap.hpp"
#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/in_memory.hpp"

namespace {

using namespace std::chrono_literals;
namespace net = boost::asio;
using pharox::AcquireResult;
using pharox::Miss;
using pharox::ProxyManager;

constexpr auto generous = 60s;

/// Calls functions of the test before each attempt, and after each successful one.
class Stepped : public pharox::ForwardingStorage {
  public:
    using ForwardingStorage::ForwardingStorage;
    std::function<void()> before = [] {};
    std::function<void()> after = [] {};

    AcquireResult try_acquire(const pharox::AcquireRequest& request) override {
        before();
        AcquireResult result = ForwardingStorage::try_acquire(request);
        if (result) after();
        return result;
    }
};

class Leasing : public testing::Test {
  protected:
    Leasing() {
        const auto pool = pharox::bootstrap_pool(*store, {.name = "eu"});
        pharox::bootstrap_proxy(*store, pool, {.host = "10.0.0.1", .port = 80, .max_concurrency = 1});
    }
    std::int64_t leases() { return store->get_pool_stats({.pool = "eu"})->total_leases; }

    std::shared_ptr<pharox::InMemoryStorage> store = std::make_shared<pharox::InMemoryStorage>();
    std::shared_ptr<Stepped> stepped = std::make_shared<pharox::Sealed<Stepped>>(store);
    ProxyManager manager{stepped};
    net::io_context loop;
};

TEST_F(Leasing, FutureToken) {
    auto got = pharox::asio::acquire(manager, {.pool = "eu"}, net::use_future);
    const AcquireResult result = got.get();
    ASSERT_TRUE(result);
    EXPECT_TRUE(pharox::asio::renew(manager, result.lease(), 400s, net::use_future).get().renewed);
    EXPECT_TRUE(pharox::asio::release(manager, result.lease(), net::use_future).get().released);
    EXPECT_EQ(leases(), 0);
}

TEST_F(Leasing, CoroutineWaitsForARelease) {
    const AcquireResult first = manager.acquire({.pool = "eu"});
    bool done = false;
    net::co_spawn(
        loop,
        [&]() -> net::awaitable<void> {
            const pharox::AcquireRequest request{.pool = "eu", .wait = generous};
            auto got = co_await pharox::asio::acquire(manager, request, net::use_awaitable);
            EXPECT_TRUE(got);
            auto released = co_await pharox::asio::release(manager, got.lease(), net::use_awaitable);
            EXPECT_TRUE(released.released);
            done = true;
        },
        [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    std::thread releases([&] { manager.release(first.lease()); });
    loop.run();
    releases.join();
    EXPECT_TRUE(done);
}

TEST_F(Leasing, CoroutineAwaitsAStartedOperation) {
    bool done = false;
    net::co_spawn(
        loop,
        [&]() -> net::awaitable<void> {
            auto leasing = pharox::asio::acquire(
                manager, {.pool = "eu", .filters = {.exclude = {pharox::ProxyId::make()}}, .wait = generous},
                net::use_awaitable);
            EXPECT_EQ(leases(), 0) << "a lazy token";
            const AcquireResult got = co_await std::move(leasing);
            EXPECT_TRUE(got);
            done = true;
        },
        [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    loop.run();
    EXPECT_TRUE(done);
}

TEST_F(Leasing, HeldLeaseEndsWithTheCoroutine) {
    net::co_spawn(
        loop,
        [&]() -> net::awaitable<void> {
            const pharox::AcquireRequest request{.pool = "eu"};
            auto held = co_await pharox::asio::hold(manager, request, {.renew = true}, net::use_awaitable);
            EXPECT_TRUE(held);
            EXPECT_EQ(leases(), 1);
        },
        [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    loop.run();
    EXPECT_EQ(leases(), 0);
}

TEST_F(Leasing, ErrorsArriveAsExceptions) {
    auto got = pharox::asio::acquire(manager, {.pool = ""}, net::use_future);
    EXPECT_THROW(got.get(), pharox::ValidationError);
    EXPECT_THROW(pharox::asio::acquire(manager, {.pool = "eu", .consumer = "unknown"}, net::use_future).get(),
                 pharox::ConsumerNotFoundError);
}

TEST_F(Leasing, OverloadedPoolIsAMiss) {
    pharox::asio::WorkerPool pool({.threads = 1, .queued = 1});
    std::binary_semaphore busy{0};
    std::binary_semaphore started{0};
    pool.post_always([&] {
        started.release();
        busy.acquire();
    });
    started.acquire();
    ASSERT_TRUE(pool.post([] {}));
    EXPECT_EQ(pharox::asio::acquire(manager, {.pool = "eu"}, net::use_future, pool).get().miss(),
              Miss::queue_full);
    busy.release();
}

/// The state of the operation when it is cancelled.
enum class Point { before_start, in_the_pool, in_the_store, waiting, handed_over, before_the_handler };

/// The state, and whether it is a hold.
class Cancelled : public Leasing, public testing::WithParamInterface<std::tuple<Point, bool>> {};

TEST_P(Cancelled, LeavesNoLease) {
    const auto [point, holds] = GetParam();
    net::cancellation_signal signal;
    pharox::asio::WorkerPool pool({.threads = 1});
    const auto cancel = [&] { signal.emit(net::cancellation_type::all); };
    store->ensure_consumer({.name = "default"});
    std::optional<AcquireResult> blocker;
    if (point == Point::waiting || point == Point::handed_over) blocker = manager.acquire({.pool = "eu"});

    std::binary_semaphore go{0};
    pool.post_always([&] { go.acquire(); });  // no job starts before that
    std::promise<void> reached;
    if (point == Point::in_the_pool) stepped->before = [&] { cancel(); };
    if (point == Point::in_the_store || point == Point::handed_over) stepped->after = [&] { cancel(); };
    if (point == Point::waiting) {
        stepped->before = [&, first = true]() mutable {
            if (std::exchange(first, false)) reached.set_value();
        };
    }
    if (point == Point::before_the_handler) stepped->after = [&] { reached.set_value(); };

    std::optional<Miss> got;
    const auto token = [&] {
        const auto handler = [&](const std::exception_ptr& error, const auto& result) {
            EXPECT_FALSE(error);
            ASSERT_FALSE(result);
            got = result.miss();
        };
        return net::bind_cancellation_slot(signal.slot(), net::bind_executor(loop.get_executor(), handler));
    };
    if (holds) {
        pharox::asio::hold(manager, {.pool = "eu", .wait = generous}, {.renew = true}, token(), pool);
    } else {
        pharox::asio::acquire(manager, {.pool = "eu", .wait = generous}, token(), pool);
    }
    if (point == Point::before_start) cancel();
    go.release();
    if (point == Point::waiting || point == Point::before_the_handler) {
        reached.get_future().wait();
        cancel();
    }
    if (point == Point::handed_over) manager.release(blocker->lease());
    loop.run();
    EXPECT_EQ(got, Miss::cancelled);
    if (point == Point::waiting) manager.release(blocker->lease());
    EXPECT_EQ(leases(), 0);
    EXPECT_TRUE(store->acquire({.pool = "eu"})) << "the slot is free again";
}

INSTANTIATE_TEST_SUITE_P(At, Cancelled,
                         testing::Combine(testing::Values(Point::before_start, Point::in_the_pool,
                                                          Point::in_the_store, Point::waiting,
                                                          Point::handed_over, Point::before_the_handler),
                                          testing::Bool()));

TEST_F(Leasing, ALoopThatIsDestroyedLeavesNoLease) {
    for (const bool held : {false, true}) {
        pharox::asio::WorkerPool pool({.threads = 1});
        auto own_loop = std::make_unique<net::io_context>();
        const auto executor = own_loop->get_executor();
        if (held) {
            pharox::asio::hold(manager, {.pool = "eu"}, {},
                               net::bind_executor(executor,
                                                  [](const std::exception_ptr&, const pharox::HoldResult&) {
                                                      ADD_FAILURE() << "the loop does not run";
                                                  }),
                               pool);
        } else {
            pharox::asio::acquire(manager, {.pool = "eu"},
                                  net::bind_executor(executor,
                                                     [](const std::exception_ptr&, const AcquireResult&) {
                                                         ADD_FAILURE() << "the loop does not run";
                                                     }),
                                  pool);
        }
        std::promise<void> leased;
        pool.post_always([&] { leased.set_value(); });  // runs after the acquire
        leased.get_future().wait();
        EXPECT_EQ(leases(), 1);
        own_loop.reset();
        std::promise<void> given_back;
        pool.post_always([&] { given_back.set_value(); });
        given_back.get_future().wait();
        EXPECT_EQ(leases(), 0);
    }
}

TEST_F(Leasing, ACancelledRepeatKeepsTheLease) {
    const AcquireResult first = manager.acquire({.pool = "eu"});
    net::cancellation_signal signal;
    stepped->after = [&] { signal.emit(net::cancellation_type::all); };
    std::optional<AcquireResult> got;
    pharox::asio::acquire(
        manager, {.pool = "eu", .lease_id = first.lease().id},
        net::bind_cancellation_slot(
            signal.slot(),
            net::bind_executor(loop.get_executor(), [&](const std::exception_ptr&, AcquireResult result) {
                got = std::move(result);
            })));
    loop.run();
    EXPECT_EQ(got->miss(), Miss::cancelled);
    EXPECT_EQ(leases(), 1) << "it existed before";
}

TEST_F(Leasing, CloseEndsTheWait) {
    const AcquireResult first = manager.acquire({.pool = "eu"});
    auto waiting = pharox::asio::acquire(manager, {.pool = "eu", .wait = generous}, net::use_future);
    manager.close();
    EXPECT_EQ(waiting.get().miss(), Miss::cancelled);
    manager.release(first.lease());
}

TEST(WorkerPool, RefusesImpossibleSizes) {
    EXPECT_THROW(pharox::asio::WorkerPool({.threads = 0}), pharox::ValidationError);
    EXPECT_THROW(pharox::asio::WorkerPool({.threads = 257}), pharox::ValidationError);
    EXPECT_THROW(pharox::asio::WorkerPool({.queued = 0}), pharox::ValidationError);
}

}  // namespace
