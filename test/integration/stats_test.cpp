// stats on a terminal: refreshed in place, as narrow as the terminal, in colours unless NO_COLOR is set.
#include <csignal>

#include "pharox_test.hpp"
#include "terminal.hpp"

namespace pharox::test {
namespace {

class StatsTest : public PharoxTest {
  protected:
    void SetUp() override {
        environment_["TERM"] = "xterm";
        import("latam", "192.0.2.1:1\n", {"--max-concurrency", "1"});
    }
    [[nodiscard]] ProcessOptions watch() const { return command({"stats", "--watch", "--interval", "1h"}); }
    static bool shows(TerminalProcess& terminal, const std::string& part) {
        return eventually([&] { return terminal.output().find(part) != std::string::npos; });
    }
    std::string once() {
        TerminalProcess terminal(command({"stats"}));
        EXPECT_EQ(terminal.wait(), 0);
        return terminal.output();
    }
};

TEST_F(StatsTest, WatchFollowsTheWidthOfTheTerminal) {
    TerminalProcess terminal(watch());
    ASSERT_TRUE(shows(terminal, "LEASES  ACQUIRES/S")) << terminal.output();
    EXPECT_TRUE(terminal.output().starts_with("\x1b[2J\x1b[H")) << terminal.output();
    EXPECT_TRUE(shows(terminal, "\x1b[K\r\n")) << "each line replaces the one before";
    terminal.resize(30, 24);  // within the interval
    EXPECT_TRUE(shows(terminal, "POOL   AVAILABLE  LEASES\x1b[0m\x1b[K")) << terminal.output();
    terminal.resize(4, 24);
    EXPECT_TRUE(shows(terminal, "lat…\x1b[K")) << terminal.output();
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait(), 128 + SIGINT);
}

TEST_F(StatsTest, ColumnsIsUsedWhereTheTerminalHasNoSize) {
    environment_["COLUMNS"] = "24";
    TerminalProcess terminal(watch());
    EXPECT_TRUE(shows(terminal, "POOL   AVAILABLE  LEASES\x1b[0m\x1b[K")) << terminal.output();
}

TEST_F(StatsTest, WatchFitsTheHeight) {
    for (char name = 'a'; name <= 'i'; ++name) pharox({"pool", "add", std::string(1, name)});
    TerminalProcess terminal(watch());
    ASSERT_TRUE(shows(terminal, "ACQUIRES/S"));
    terminal.resize(80, 6);
    EXPECT_TRUE(shows(terminal, "... 7 more\x1b[K")) << terminal.output();
}

TEST_F(StatsTest, ColoursAreForTerminalsWithoutNoColor) {
    EXPECT_EQ(pharox({"acquire", "--pool", "latam"}).status, 0);
    EXPECT_NE(once().find("\x1b[31mlatam "), std::string::npos) << "nothing is available: " << once();
    environment_["NO_COLOR"] = "1";
    EXPECT_EQ(once().find('\x1b'), std::string::npos) << once();
    environment_.erase("NO_COLOR");
    EXPECT_EQ(pharox({"stats"}).output.find('\x1b'), std::string::npos);
}

TEST_F(StatsTest, EmptyNamesAreRefused) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"stats", "-p", ""},
                                               {"lease", "list", "--pool", ""},
                                               {"release", "--consumer", ""},
                                               {"lease", "revoke", "--proxy", "", "--yes"},
                                               {"proxy", "remove", "--pool", "", "--yes"}})
        EXPECT_EQ(pharox(arguments).status, 2) << arguments.front();
}

}  // namespace
}  // namespace pharox::test
