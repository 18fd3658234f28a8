// Commands that wait for the write lock of an SQLite file.
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

using Steady = std::chrono::steady_clock;

class LockWaitTest : public PharoxTest {
  protected:
    void SetUp() override {
        import("latam", "192.0.2.1:8080\n");
        ASSERT_EQ(pharox({"run", "--pool", "latam", "--", "true"}).status, 0);  // its consumer exists now
        ASSERT_EQ(sqlite3_open(store().c_str(), &holder_), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(holder_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    }
    void TearDown() override {
        sqlite3_close(holder_);
        PharoxTest::TearDown();
    }
    [[nodiscard]] std::string store() const { return home_.file(".local/share/pharox/pharox.db"); }
    void release_lock() { sqlite3_exec(holder_, "ROLLBACK", nullptr, nullptr, nullptr); }
    static bool has_second_thread(const Process& process) {
        return eventually([&] {
            const std::filesystem::path threads = "/proc/" + std::to_string(process.id()) + "/task";
            std::error_code ended;
            const std::filesystem::directory_iterator entries(threads, ended);
            return std::distance(begin(entries), end(entries)) > 1;
        });
    }

  private:
    sqlite3* holder_ = nullptr;
};

TEST_F(LockWaitTest, ASignalEndsItAtOnce) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "--pool", "latam", "--", "true"},
          std::vector<std::string>{"acquire", "--pool", "latam"}}) {
        for (const int number : {SIGINT, SIGTERM}) {
            Process waiting(command(arguments));
            ASSERT_TRUE(has_second_thread(waiting));
            EXPECT_FALSE(waiting.ended());
            const auto sent = Steady::now();
            waiting.send(number);
            const Finished end = watched(waiting.wait());
            EXPECT_TRUE(end.by_signal);
            EXPECT_EQ(end.status, 128 + number);
            // A call that cannot be cancelled is left alone after two seconds.
            EXPECT_LT(Steady::now() - sent, std::chrono::milliseconds(1800));
        }
    }
    release_lock();
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(LockWaitTest, ACommandSucceedsOnceTheLockIsFree) {
    Process waiting(command({"acquire", "--pool", "latam"}));
    ASSERT_TRUE(has_second_thread(waiting));
    release_lock();
    EXPECT_EQ(watched(waiting.wait()).status, 0);
    EXPECT_EQ(leases_of("latam"), 1);
}

}  // namespace
}  // namespace pharox::test
