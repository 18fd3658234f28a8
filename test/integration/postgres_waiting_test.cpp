// acquire --wait and run --wait on PostgreSQL: commands that wait execute nothing until the server notifies
// them. poll_interval_ms is a day, so that nothing else can end their waits.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "postgres_test.hpp"

namespace pharox::test {
namespace {

const std::string never = "&migrations=expect&poll_interval_ms=86400000";
const std::string often = "&migrations=expect&poll_interval_ms=20";

class PostgresWaiting : public PostgresCommandLine {
  protected:
    static void SetUpTestSuite() {
        server().set("shared_preload_libraries=pg_stat_statements");
        server().set("pg_stat_statements.max=10000");
        server().stop("fast");
        server().start();
        server().query("CREATE EXTENSION pg_stat_statements");
    }
    void SetUp() override {
        secrets_ = {"not-told"};
        schema_ = "waiting_" + std::to_string(++schemas_made);
        server().migrate_and_grant(schema_);
        server().migrate_and_grant(polling_schema());
    }
    /// Of the process that polls, so that its statements can be told from the others'.
    [[nodiscard]] std::string polling_schema() const { return schema_ + "_polling"; }
    void use(const std::string& schema, const std::string& options) {
        environment_["PHAROX_STORAGE"] = url("pharox_app", schema, options);
    }

    /// A pool with one proxy, and a lease on it.
    std::string import_and_lease(const std::string& pool) {
        import(pool, "192.0.2.1:8080\n", {"--max-concurrency", "1"});
        const Finished got = pharox({"acquire", "--pool", pool, "--duration", "1d", "--json"});
        EXPECT_EQ(got.status, 0) << got.errors;
        return json_member(got.output, "lease_id");
    }
    /// Commands that wait are registered, each once for a pool.
    [[nodiscard]] bool are_registered(std::size_t commands) const {
        return eventually([&] {
            return server().query("SELECT count(*) FROM \"" + schema_ + "\".waiting") ==
                   std::to_string(commands);
        });
    }
    /// How many statements have read or written the proxies of the schema.
    static long attempts(const std::string& schema) {
        return std::stol(
            server().query("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements"
                           " WHERE position('\"" +
                           schema + "\".proxy' IN query) > 0"));
    }
    /// Attempts of the waiting commands, from now until a command that polls has made twenty.
    [[nodiscard]] long attempts_while_another_polls() const {
        const long before = attempts(schema_);
        const long polled = attempts(polling_schema());
        EXPECT_TRUE(eventually([&] { return attempts(polling_schema()) >= polled + 20; }));
        return attempts(schema_) - before;
    }

    std::string schema_;

  private:
    static inline int schemas_made = 0;
};

TEST_F(PostgresWaiting, FiftyCommandsExecuteNothingUntilARelease) {
    constexpr std::size_t many = 50;
    use(polling_schema(), often);
    import_and_lease("eu");
    Process polling(command({"acquire", "--pool", "eu", "--wait", "1h"}));

    use(schema_, never);
    const std::string lease = import_and_lease("eu");
    std::vector<Process> commands;
    while (commands.size() < many)
        commands.emplace_back(command({"run", "--pool", "eu", "--wait", "1h", "--", "true"}));
    ASSERT_TRUE(are_registered(many));
    ASSERT_GE(attempts(schema_), static_cast<long>(many)) << "each made one before it was queued";
    // Until every transaction has ended that may not have seen the registrations, the commands poll.
    ASSERT_TRUE(eventually([&] { return attempts_while_another_polls() == 0; }));
    EXPECT_EQ(attempts_while_another_polls(), 0);
    for (Process& each : commands) EXPECT_FALSE(each.ended());

    EXPECT_EQ(pharox({"release", lease}).status, 0);
    for (Process& each : commands) EXPECT_EQ(watched(each.wait()).status, 0);
    EXPECT_EQ(leases_of("eu"), 0);
    EXPECT_FALSE(polling.ended());
}

TEST_F(PostgresWaiting, AReleaseReachesACommandThatAcquires) {
    use(schema_, never);
    const std::string lease = import_and_lease("eu");
    Process waiting(command({"acquire", "--pool", "eu", "--wait", "1h", "--json"}));
    ASSERT_TRUE(are_registered(1));
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    const Finished got = watched(waiting.wait());
    EXPECT_EQ(got.status, 0) << got.errors;
    EXPECT_EQ(pharox({"release", json_member(got.output, "lease_id")}).status, 0);
}

TEST_F(PostgresWaiting, ASignalEndsTheWaitWithoutALease) {
    use(schema_, never);
    const std::string lease = import_and_lease("eu");
    std::size_t registered = 0;
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "--pool", "eu", "--wait", "1h", "-v", "--", "true"},
          std::vector<std::string>{"acquire", "--pool", "eu", "--wait", "1h"}}) {
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
            Process waiting(command(arguments));
            ASSERT_TRUE(are_registered(++registered));  // those of killed processes stay for a while
            waiting.send(number);
            const Finished end = watched(waiting.wait());
            EXPECT_TRUE(end.by_signal);
            EXPECT_EQ(end.status, 128 + number);
        }
    }
    EXPECT_EQ(leases_of("eu"), 1);
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    EXPECT_EQ(leases_of("eu"), 0);
}

TEST_F(PostgresWaiting, ASignalEndsAConnectionToAServerThatDoesNotAnswer) {
    // The kernel completes the connections; nobody reads from them.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener, 16), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    environment_["PHAROX_STORAGE"] =
        "postgresql://nobody@127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/none?sslmode=disable";
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        for (const std::vector<std::string>& arguments :
             {std::vector<std::string>{"run", "--pool", "eu", "--", "true"},
              std::vector<std::string>{"acquire", "--pool", "eu"}}) {
            Process connecting(command(arguments));
            ASSERT_TRUE(eventually([&] {
                const std::filesystem::path threads = "/proc/" + std::to_string(connecting.id()) + "/task";
                std::error_code ended;
                const std::filesystem::directory_iterator entries(threads, ended);
                return std::distance(begin(entries), end(entries)) > 1;
            }));
            connecting.send(number);
            const Finished end = watched(connecting.wait());
            EXPECT_TRUE(end.by_signal) << end.errors;
            EXPECT_EQ(end.status, 128 + number);
        }
    }
    ::close(listener);
}

}  // namespace
}  // namespace pharox::test
