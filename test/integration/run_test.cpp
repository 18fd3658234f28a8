// pharox run: the lease lasts as long as the command.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class RunTest : public PharoxTest {
  protected:
    RunTest() { secrets_ = {"s3cret"}; }
    void SetUp() override { import("latam", "anna:s3cret@192.0.2.1:8080\n", {"--max-concurrency", "1"}); }

    Finished run(std::vector<std::string> command) {
        command.insert(command.begin(), {"run", "--pool", "latam", "--"});
        return pharox(std::move(command));
    }
    [[nodiscard]] ProcessOptions holder(std::vector<std::string> options = {}) const {
        options.insert(options.begin(), {"run", "--pool", "latam"});
        options.insert(options.end(), {"--", PROXY_USER_PROGRAM, "hold", home_.file("log"), "0"});
        return command(std::move(options));
    }
    [[nodiscard]] bool started() const { return home_.read("log").starts_with("start "); }
    /// Revokes the lease by removing its proxy, because only the child knows the lease's id.
    void lose_lease() {
        const std::string id =
            json_member(pharox({"proxy", "list", "--pool", "latam", "--json"}).output, "id");
        EXPECT_EQ(pharox({"proxy", "remove", "--force", id}).status, 0);
    }
    /// Whether a proxy_user is running: each holds a lock.
    [[nodiscard]] bool user_lives() const {
        const int file = ::open(home_.file("log.alive").c_str(), O_RDWR | O_CLOEXEC);
        const bool locked = file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) != 0;
        ::close(file);
        return locked;
    }
};

TEST_F(RunTest, ReturnsTheStatusAndReleases) {
    EXPECT_EQ(run({"true"}).status, 0);
    EXPECT_EQ(run({"sh", "-c", "exit 7"}).status, 7);
    EXPECT_EQ(run({"sh", "-c", "kill -KILL $$"}).status, 128 + SIGKILL);
    EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(RunTest, HasItsOwnStatuses) {
    EXPECT_EQ(run({"no-such-program"}).status, 127);
    EXPECT_EQ(run({"no-such-program"}).errors, "pharox: no-such-program: No such file or directory\n");
    EXPECT_EQ(run({home_.path().string()}).status, 126);
    home_.write("not-executable", "text");
    EXPECT_EQ(run({home_.file("not-executable")}).status, 126);
    EXPECT_EQ(leases_of("latam"), 0);

    EXPECT_EQ(pharox({"run", "--pool", "latam", "--country", "AR", "--", "true"}).status, 123);
    EXPECT_EQ(pharox({"run", "--pool", "europe", "--", "true"}).status, 123);
    EXPECT_EQ(pharox({"run", "--pool", "latam"}).status, 125);
    EXPECT_EQ(pharox({"run", "--pool", "latam", "--"}).status, 125);
    EXPECT_EQ(pharox({"run", "--", "true"}).status, 125);
    EXPECT_EQ(pharox({"run", "--pool", "latam", "--no-such-option", "--", "true"}).status, 125);
    EXPECT_EQ(pharox({"run", "--pool", "latam", "--on-lost", "cry", "--", "true"}).status, 125);
}

TEST_F(RunTest, KeepsTheCommandLine) {
    EXPECT_EQ(run({"printf", "%s|", "a b", "--", "--json", "-v", ""}).output, "a b|--|--json|-v||");
    EXPECT_EQ(pharox({"run", "--pool", "latam", "-v", "--", "cat"}, "typed").output, "typed");
}

TEST_F(RunTest, SetsTheProxyVariables) {
    environment_["NO_PROXY"] = "localhost";
    environment_["http_proxy"] = "http://elsewhere:1";
    const Finished done = pharox_unwatched({"run", "--pool", "latam", "--", "env"});
    for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "HTTP_PROXY",
                             "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "PHAROX_PROXY_URL"}) {
        EXPECT_NE(done.output.find(std::string(name) + "=http://anna:s3cret@192.0.2.1:8080\n"),
                  std::string::npos)
            << name;
    }
    EXPECT_NE(done.output.find("PHAROX_LEASE_ID="), std::string::npos);
    EXPECT_EQ(done.output.find("NO_PROXY="), std::string::npos);
    EXPECT_EQ(done.output.find("elsewhere"), std::string::npos);
    const Finished kept = pharox_unwatched({"run", "--pool", "latam", "--keep-no-proxy", "--", "env"});
    EXPECT_NE(kept.output.find("NO_PROXY=localhost\n"), std::string::npos);
}

TEST_F(RunTest, PrintsTheProxyOnRequest) {
    const Finished done = pharox({"run", "--pool", "latam", "-v", "--", "true"});
    EXPECT_TRUE(done.errors.starts_with("pharox: leased http://***@192.0.2.1:8080 until ")) << done.errors;
    EXPECT_EQ(run({"true"}).errors, "");
}

TEST_F(RunTest, RenewsWhileTheCommandRuns) {
    Process holding(holder({"--duration", "1s"}));
    ASSERT_TRUE(eventually([&] { return started(); }));
    // Long after the first expiry, the proxy is still leased.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
    while (std::chrono::steady_clock::now() < until)
        ASSERT_EQ(pharox({"acquire", "--pool", "latam"}).status, 3);
    holding.send(SIGTERM);
    EXPECT_EQ(watched(holding.wait()).status, 128 + SIGTERM);
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(RunTest, KillEndsTheCommandAndTheLeaseExpires) {
    constexpr auto duration = std::chrono::seconds(3);
    Process holding(holder({"--duration", "3s"}));
    ASSERT_TRUE(eventually([&] { return started(); }));
    ASSERT_TRUE(user_lives());
    const auto killed_after = std::chrono::steady_clock::now();
    holding.send(SIGKILL);
    EXPECT_EQ(holding.wait().status, 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return !user_lives(); })) << "the command outlived pharox";

    const Finished at_once = pharox({"acquire", "--pool", "latam"});
    // The last renewal is at most a third of the duration ago, unless the machine is too
    // slow.
    const bool soon_enough = std::chrono::steady_clock::now() - killed_after < duration / 3;
    EXPECT_TRUE(at_once.status == 3 || !soon_enough);
    EXPECT_TRUE(at_once.status == 0 ||
                eventually([&] { return pharox({"acquire", "--pool", "latam"}).status == 0; }));
    EXPECT_EQ(leases_of("latam"), 1);
}

TEST_F(RunTest, LostLeaseIsReportedOnce) {
    Process warned(command({"run", "--pool", "latam", "--duration", "300ms", "--", "sh", "-c",
                            R"(until test -e "$0"; do sleep 0.02; done; exit 9)", home_.file("go")}));
    ASSERT_TRUE(eventually([&] { return leases_of("latam") == 1; }));
    lose_lease();
    const std::string warning = "pharox: the lease on the proxy is lost, and others may use it now\n";
    EXPECT_TRUE(eventually([&] { return warned.errors_so_far() == warning; })) << warned.errors_so_far();
    home_.write("go", "");
    const Finished end = watched(warned.wait());
    EXPECT_EQ(end.status, 9);
    EXPECT_EQ(end.errors, warning);
}

TEST_F(RunTest, LostLeaseEndsTheCommandOnRequest) {
    Process killed(holder({"--duration", "300ms", "--on-lost", "kill"}));
    ASSERT_TRUE(eventually([&] { return started(); }));
    lose_lease();
    const Finished end = watched(killed.wait());
    EXPECT_EQ(end.status, 124);
    EXPECT_EQ(end.errors,
              "pharox: the lease on the proxy is lost, and others may use it now: ending the command\n");
}

TEST_F(RunTest, CommandThatIgnoresSigtermIsKilled) {
    Process killed(command({"run", "--pool", "latam", "--duration", "300ms", "--on-lost", "kill",
                            "--kill-after", "200ms", "--", "sh", "-c",
                            R"(trap "" TERM; : >"$0"; while :; do sleep 0.02; done)", home_.file("up")}));
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(home_.file("up")); }));
    lose_lease();
    EXPECT_EQ(watched(killed.wait()).status, 124);
}

TEST_F(RunTest, WaitsForAProxy) {
    Process holding(holder());
    ASSERT_TRUE(eventually([&] { return started(); }));
    EXPECT_EQ(pharox({"run", "--pool", "latam", "--wait", "100ms", "--", "true"}).status, 123);
    Process waiting(command({"run", "--pool", "latam", "--wait", "2m", "--", "sh", "-c", "exit 5"}));
    EXPECT_FALSE(waiting.ended());
    holding.send(SIGTERM);
    holding.wait();
    EXPECT_EQ(watched(waiting.wait()).status, 5);
}

}  // namespace
}  // namespace pharox::test
