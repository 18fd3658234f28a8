#include "availability_watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <stdexcept>

#include "pharox/errors.hpp"

namespace pharox::serverkit {
namespace {

using namespace std::chrono_literals;

/// A store in memory. Its "connection" has no socket: the watch calls maintain() as often as it asks for.
class FakeSource final : public NotificationSource {
  public:
    bool connect() override {
        const std::lock_guard lock(mutex);
        if (down) throw std::runtime_error("the server is down");
        ++connects;
        return !behind_a_pooler;
    }
    void disconnect() noexcept override { subscriptions.clear(); }
    bool subscribe(const std::string& pool) override {
        const std::lock_guard lock(mutex);
        if (unknown.contains(pool)) return false;
        subscriptions.insert(pool);
        return true;
    }
    void unsubscribe(const std::string& pool) override { subscriptions.erase(pool); }
    SteadyTime maintain(SteadyTime now) override {
        const std::lock_guard lock(mutex);
        if (down) throw std::runtime_error("the server is down");
        return now + 1ms;
    }
    [[nodiscard]] bool is_notified(const std::string& /*pool*/) const override { return complete; }
    std::set<std::string> take_notifications() override {
        const std::lock_guard lock(mutex);
        return std::exchange(notifications, {});
    }
    [[nodiscard]] int socket() const noexcept override { return -1; }

    template <class Change>
    void set(Change change) {
        const std::lock_guard lock(mutex);
        change(*this);
    }

    mutable std::mutex mutex;
    bool down = false, behind_a_pooler = false;
    std::atomic<bool> complete{true};
    std::atomic<int> connects{0};
    std::set<std::string> unknown, notifications;
    std::set<std::string> subscriptions;  // of the watch's thread
};

class AvailabilityWatches : public testing::Test {
  protected:
    /// Waits until `condition` holds; the deadline only ends a test that fails.
    template <class Condition>
    bool eventually(Condition condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, 30s, condition);
    }
    void note(std::vector<std::string>& where, std::string_view what) {
        const std::lock_guard lock(mutex);
        where.emplace_back(what);
        changed.notify_all();
    }
    bool quiet(const std::string& pool) { return watch.quiet(pool) > Duration(0); }

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> available, warnings;
    FakeSource source;
    AvailabilityWatch watch{{.poll_interval = 24h, .first_backoff = 1ms, .longest_backoff = 2ms},
                            source,
                            {.on_available = [this](std::string_view pool) { note(available, pool); },
                             .warn = [this](std::string_view message) { note(warnings, message); }}};
};

TEST_F(AvailabilityWatches, connects_with_the_first_waiter) {
    EXPECT_EQ(source.connects, 0);
    watch.watch("us");
    ASSERT_TRUE(eventually([&] { return available == std::vector<std::string>{"us"}; }));
    EXPECT_EQ(source.connects, 1);
    EXPECT_TRUE(quiet("us"));
    EXPECT_FALSE(quiet("eu"));
}

TEST_F(AvailabilityWatches, passes_a_notification_on_to_its_pool) {
    watch.watch("us");
    ASSERT_TRUE(eventually([&] { return available.size() == 1; }));
    source.set([](FakeSource& store) { store.notifications.insert("us"); });
    EXPECT_TRUE(eventually([&] { return available == std::vector<std::string>{"us", "us"}; }));
}

TEST_F(AvailabilityWatches, polls_a_pool_until_its_subscription_is_complete) {
    source.complete = false;
    watch.watch("us");
    source.set([](FakeSource& store) { store.notifications.insert("us"); });
    ASSERT_TRUE(eventually([&] { return available.size() == 1; }));
    EXPECT_FALSE(quiet("us"));
    source.complete = true;
    ASSERT_TRUE(eventually([&] { return available.size() == 2; }));
    EXPECT_TRUE(quiet("us"));
}

TEST_F(AvailabilityWatches, polls_while_the_connection_is_lost_and_says_so_once) {
    watch.watch("us");
    ASSERT_TRUE(eventually([&] { return available.size() == 1; }));
    source.set([](FakeSource& store) { store.down = true; });
    ASSERT_TRUE(eventually([&] { return !warnings.empty(); }));
    EXPECT_FALSE(quiet("us"));
    source.set([](FakeSource& store) { store.down = false; });
    ASSERT_TRUE(eventually([&] { return warnings.size() == 2; }));
    ASSERT_TRUE(eventually([&] { return available.back() == "us"; }));
    EXPECT_EQ(source.connects, 2);
    EXPECT_TRUE(quiet("us"));
    EXPECT_NE(warnings[0].find("the server is down"), std::string::npos);
}

TEST_F(AvailabilityWatches, behind_a_pooler_it_does_not_connect_again) {
    source.behind_a_pooler = true;
    watch.watch("us");
    while (source.connects == 0) std::this_thread::yield();
    watch.watch("eu");
    watch.unwatch("eu");
    EXPECT_FALSE(quiet("us"));
    EXPECT_EQ(source.connects, 1);
}

TEST_F(AvailabilityWatches, a_pool_that_the_store_does_not_know_is_polled) {
    source.unknown.insert("us");
    watch.watch("us");
    watch.watch("eu");
    ASSERT_TRUE(eventually([&] { return available == std::vector<std::string>{"eu"}; }));
    EXPECT_FALSE(quiet("us"));
    EXPECT_TRUE(quiet("eu"));
}

TEST_F(AvailabilityWatches, an_expiry_is_waited_for_where_it_comes_before_the_next_poll) {
    watch.watch("us");
    ASSERT_TRUE(eventually([&] { return available.size() == 1; }));
    EXPECT_GE(watch.quiet("us"), 12h);
    watch.next_expiry_is_in("us", 1min);
    EXPECT_LE(watch.quiet("us"), 1min);
    watch.next_expiry_is_in("us", std::nullopt);
    EXPECT_GE(watch.quiet("us"), 12h);
}

}  // namespace
}  // namespace pharox::serverkit
