// acquire --wait and run --wait on an SQLite file: the queue, other processes' changes, signals.
#include <csignal>
#include <filesystem>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class WaitingTest : public PharoxTest {
  protected:
    /// A pool with one proxy, and a lease on it.
    std::string import_and_lease(const std::string& pool) {
        import(pool, "192.0.2.1:8080\n", {"--max-concurrency", "1"});
        const Finished got = pharox({"acquire", "--pool", pool, "--duration", "1d", "--json"});
        EXPECT_EQ(got.status, 0) << got.errors;
        return json_member(got.output, "lease_id");
    }
    /// Returns once the process has a second thread: its acquire has begun, or is queued.
    static bool is_acquiring(const Process& process) {
        return eventually([&] {
            const std::filesystem::path threads = "/proc/" + std::to_string(process.id()) + "/task";
            std::error_code ended;
            const std::filesystem::directory_iterator entries(threads, ended);
            return std::distance(begin(entries), end(entries)) > 1;
        });
    }
};

TEST_F(WaitingTest, AReleaseByAnotherProcessEndsTheWait) {
    const std::string lease = import_and_lease("latam");
    Process waiting(command({"acquire", "--pool", "latam", "--wait", "10m"}));
    ASSERT_TRUE(is_acquiring(waiting));
    const Finished impatient = pharox({"acquire", "--pool", "latam", "--wait", "100ms"});
    EXPECT_EQ(impatient.status, 3);
    EXPECT_FALSE(waiting.ended());
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    EXPECT_EQ(watched(waiting.wait()).status, 0);
    EXPECT_EQ(leases_of("latam"), 1);
}

TEST_F(WaitingTest, ManyCommandsUseOneProxyInTurn) {
    const std::string lease = import_and_lease("latam");
    std::vector<Process> commands;
    for (int i = 0; i < 10; ++i)
        commands.emplace_back(command({"run", "--pool", "latam", "--wait", "10m", "--", "true"}));
    for (const Process& each : commands) ASSERT_TRUE(is_acquiring(each));
    for (Process& each : commands) EXPECT_FALSE(each.ended());
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    for (Process& each : commands) EXPECT_EQ(watched(each.wait()).status, 0);
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(WaitingTest, AProxyThatBeginsToMatchEndsTheWait) {
    import("latam", "192.0.2.1:8080\n");
    const std::string id = json_member(pharox({"proxy", "list", "--pool", "latam", "--json"}).output, "id");
    ASSERT_EQ(pharox({"proxy", "set-status", "inactive", id}).status, 0);
    Process activation(command({"run", "--pool", "latam", "--wait", "10m", "--", "true"}));
    Process insertion(command({"acquire", "--pool", "latam", "--country", "AR", "--wait", "10m"}));
    ASSERT_TRUE(is_acquiring(activation));
    ASSERT_TRUE(is_acquiring(insertion));
    const Finished impatient = pharox({"acquire", "--pool", "latam", "--wait", "100ms"});
    EXPECT_EQ(impatient.status, 3);
    EXPECT_NE(impatient.errors.find("no active proxy fits"), std::string::npos) << impatient.errors;
    EXPECT_FALSE(activation.ended());
    EXPECT_FALSE(insertion.ended());
    pharox({"proxy", "set-status", "active", id});
    EXPECT_EQ(watched(activation.wait()).status, 0);
    EXPECT_FALSE(insertion.ended());
    import("latam", "192.0.2.2:8080\n", {"--country", "AR"});
    EXPECT_EQ(watched(insertion.wait()).status, 0);
}

TEST_F(WaitingTest, ASignalEndsTheWaitWithoutALease) {
    const std::string lease = import_and_lease("latam");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "--pool", "latam", "--wait", "1d", "-v", "--", "true"},
          std::vector<std::string>{"acquire", "--pool", "latam", "--wait", "1d"}}) {
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
            Process waiting(command(arguments));
            ASSERT_TRUE(is_acquiring(waiting));
            waiting.send(number);
            const Finished end = watched(waiting.wait());
            EXPECT_TRUE(end.by_signal);
            EXPECT_EQ(end.status, 128 + number);
            EXPECT_EQ(end.output + end.errors, "");
        }
    }
    EXPECT_EQ(leases_of("latam"), 1);
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    EXPECT_EQ(leases_of("latam"), 0);
}

}  // namespace
}  // namespace pharox::test
