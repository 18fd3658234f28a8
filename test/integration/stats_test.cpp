// stats on a terminal: refreshed in place, as narrow as the terminal, in colours unless NO_COLOR is set.
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

/// A pseudo-terminal of a given size.
class Screen {
  public:
    explicit Screen(unsigned short columns, unsigned short rows = 24) {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0)
            throw std::runtime_error("no terminal");
        ::fcntl(master_, F_SETFD, FD_CLOEXEC);
        ::fcntl(slave_, F_SETFD, FD_CLOEXEC);
        ::fcntl(master_, F_SETFL, O_NONBLOCK);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen() {
        ::close(master_);
        ::close(slave_);
    }
    [[nodiscard]] int side_of_the_program() const { return slave_; }
    void resize(unsigned short columns) const {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = 24;
        ::ioctl(master_, TIOCSWINSZ, &size);
    }
    /// All that was written so far.
    const std::string& text() {
        std::array<char, 4096> buffer{};
        for (ssize_t size = 0; (size = ::read(master_, buffer.data(), buffer.size())) > 0;)
            text_.append(buffer.data(), static_cast<std::size_t>(size));
        return text_;
    }
    bool shows(const std::string& part) { return text().find(part) != std::string::npos; }

  private:
    int master_ = -1;
    int slave_ = -1;
    std::string text_;
};

class StatsTest : public PharoxTest {
  protected:
    void SetUp() override {
        environment_["TERM"] = "xterm";
        import("latam", "192.0.2.1:1\n", {"--max-concurrency", "1"});
    }
    Process watch(const Screen& screen) {
        ProcessOptions options = command({"stats", "--watch", "--interval", "1h"});
        options.terminal = screen.side_of_the_program();
        return Process(options);
    }
    void once(const Screen& screen) {
        ProcessOptions options = command({"stats"});
        options.terminal = screen.side_of_the_program();
        Process running(options);
        EXPECT_EQ(running.wait().status, 0);
    }
};

TEST_F(StatsTest, WatchFollowsTheWidthOfTheTerminal) {
    Screen screen(80);
    Process watching = watch(screen);
    ASSERT_TRUE(eventually([&] { return screen.shows("LEASES  ACQUIRES/S"); })) << screen.text();
    EXPECT_TRUE(screen.text().starts_with("\x1b[2J\x1b[H")) << screen.text();
    EXPECT_TRUE(screen.shows("\x1b[K\r\n")) << "each line replaces the one before";

    screen.resize(30);  // within the interval
    ASSERT_TRUE(eventually([&] { return screen.shows("POOL   AVAILABLE  LEASES\x1b[0m\x1b[K"); }))
        << screen.text();
    screen.resize(4);
    ASSERT_TRUE(eventually([&] { return screen.shows("lat…\x1b[K"); })) << screen.text();
    watching.send(SIGINT);
    EXPECT_TRUE(watching.wait().by_signal);
}

TEST_F(StatsTest, ColumnsIsUsedWhereTheTerminalHasNoSize) {
    Screen screen(0, 0);
    environment_["COLUMNS"] = "24";
    Process watching = watch(screen);
    ASSERT_TRUE(eventually([&] { return screen.shows("POOL   AVAILABLE  LEASES\x1b[0m\x1b[K"); }))
        << screen.text();
    watching.send(SIGINT);
    watching.wait();
}

TEST_F(StatsTest, WatchFitsTheHeight) {
    for (char name = 'a'; name <= 'i'; ++name) pharox({"pool", "add", std::string(1, name)});
    Screen screen(80, 6);
    Process watching = watch(screen);
    ASSERT_TRUE(eventually([&] { return screen.shows("... 7 more\x1b[K"); })) << screen.text();
    watching.send(SIGINT);
    watching.wait();
}

TEST_F(StatsTest, ColoursAreForTerminalsWithoutNoColor) {
    EXPECT_EQ(pharox({"acquire", "--pool", "latam"}).status, 0);
    Screen coloured(80);
    once(coloured);
    EXPECT_TRUE(coloured.shows("\x1b[31mlatam ")) << "nothing is available: " << coloured.text();
    environment_["NO_COLOR"] = "1";
    Screen plain(80);
    once(plain);
    EXPECT_FALSE(plain.shows("\x1b[")) << plain.text();
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
