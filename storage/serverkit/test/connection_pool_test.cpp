#include "connection_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;

struct FakeConnection {
    bool alive = true, reusable = true;
    int number = 0;
    [[nodiscard]] bool is_alive() const noexcept { return alive; }
    [[nodiscard]] bool is_reusable() const noexcept { return reusable; }
};

ConnectionLost refused(bool permanent) {
    ConnectionLost error;
    error.message = "refused";
    error.permanent = permanent;
    return error;
}

class ConnectionPools : public testing::Test {
  protected:
    static SteadyTime in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }
    std::unique_ptr<FakeConnection> connect() {
        const int number = ++opened;
        if (number > most) throw refused(permanent);
        auto connection = std::make_unique<FakeConnection>();
        connection->number = number;
        return connection;
    }
    std::atomic<int> opened = 0;
    int most = 1'000;
    bool permanent = false;
    ConnectionPool<FakeConnection> pool{{.connections = 2}, [this](SteadyTime) { return connect(); }};
};

TEST_F(ConnectionPools, lend_a_returned_connection_again) {
    const int number = pool.borrow(in(1s))->number;
    EXPECT_EQ(pool.borrow(in(1s))->number, number);
    EXPECT_EQ(opened, 1);
}

TEST_F(ConnectionPools, do_not_lend_broken_connections) {
    pool.borrow(in(1s))->alive = false;
    EXPECT_EQ(pool.borrow(in(1s))->number, 2);
    pool.borrow(in(1s))->reusable = false;
    EXPECT_EQ(pool.borrow(in(1s))->number, 3);
    pool.borrow(in(1s)).discard();
    EXPECT_EQ(pool.borrow(in(1s))->number, 4);
}

TEST_F(ConnectionPools, are_bounded_and_a_caller_waits_until_its_deadline) {
    const auto first = pool.borrow(in(1s));
    const auto second = pool.borrow(in(1s));
    try {
        pool.borrow(in(10ms));
        FAIL();
    } catch (const ConnectionLost& error) {
        EXPECT_EQ(error.message, "all connections are in use");
        EXPECT_FALSE(error.sent);
    }
}

TEST_F(ConnectionPools, tell_why_no_connection_can_be_opened) {
    most = 0;
    permanent = true;
    try {
        pool.borrow(in(1s));
        FAIL();
    } catch (const ConnectionLost& error) {
        EXPECT_EQ(error.message, "refused");
        EXPECT_TRUE(error.permanent);
    }
}

TEST_F(ConnectionPools, wait_for_an_open_connection_if_no_more_can_be_opened) {
    most = 1;
    std::optional<ConnectionPool<FakeConnection>::Loan> first(pool.borrow(in(1s)));
    const std::jthread other([&] { EXPECT_EQ(pool.borrow(in(20s))->number, 1); });
    while (opened < 2) std::this_thread::yield();
    first.reset();
}

TEST_F(ConnectionPools, serve_many_threads) {
    std::atomic<int> lent = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            for (int cycle = 0; cycle < 500; ++cycle) {
                auto loan = pool.borrow(in(20s));
                EXPECT_LE(++lent, 2);
                if ((cycle + i) % 7 == 0) loan->reusable = false;
                if ((cycle + i) % 11 == 0) loan->alive = false;
                --lent;
            }
        });
    }
}

}  // namespace
}  // namespace pharox::serverkit
