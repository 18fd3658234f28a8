// Signals to pharox run, from processes and from a terminal, have the effect that they would have on the
// command alone.
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <csignal>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

/// A pseudo-terminal.
class Terminal {
  public:
    Terminal() {
        if (::openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0)
            throw std::runtime_error("no terminal");
        ::fcntl(master_, F_SETFD, FD_CLOEXEC);
        ::fcntl(slave_, F_SETFD, FD_CLOEXEC);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() {
        ::close(master_);
        ::close(slave_);
    }
    [[nodiscard]] int side_of_the_program() const noexcept { return slave_; }
    void type(char key) const { ASSERT_EQ(::write(master_, &key, 1), 1); }

  private:
    int master_ = -1;
    int slave_ = -1;
};

class SignalsTest : public PharoxTest {
  protected:
    void SetUp() override { import("latam", "192.0.2.1:8080\n"); }

    /// A command that logs the signals it receives, and exits with 42 at SIGTERM.
    [[nodiscard]] ProcessOptions listener() const {
        const std::string script = R"(
            for name in HUP INT QUIT USR1 USR2; do trap "echo $name >>'$0'" $name; done
            trap 'exit 42' TERM
            echo up >>"$0"
            while :; do sleep 0.02; done)";
        return command({"run", "--pool", "latam", "--", "bash", "-c", script, home_.file("got")});
    }
    [[nodiscard]] bool got(const std::string& line) const {
        return ("\n" + home_.read("got")).find("\n" + line + "\n") != std::string::npos;
    }
};

TEST_F(SignalsTest, AreForwarded) {
    Process running(listener());
    ASSERT_TRUE(eventually([&] { return got("up"); }));
    const std::pair<int, std::string> signals[] = {
        {SIGHUP, "HUP"}, {SIGINT, "INT"}, {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};
    for (const auto& [number, name] : signals) {
        running.send(number);
        EXPECT_TRUE(eventually([&, line = name] { return got(line); })) << name;
    }
    running.send(SIGTERM);
    EXPECT_EQ(running.wait().status, 42);
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(SignalsTest, CtrlCReachesTheCommandOnce) {
    const Terminal terminal;
    ProcessOptions options = listener();
    options.terminal = terminal.side_of_the_program();
    Process running(options);
    ASSERT_TRUE(eventually([&] { return got("up"); }));
    terminal.type('\x03');
    EXPECT_TRUE(eventually([&] { return got("INT"); }));
    running.send(
        SIGTERM);  // pharox reads signals in order of their numbers: an INT to pass on would go before
    EXPECT_EQ(running.wait().status, 42);
    EXPECT_EQ(home_.read("got"), "up\nINT\n");
}

TEST_F(SignalsTest, CtrlZStopsBothAndContContinuesBoth) {
    const Terminal terminal;
    ProcessOptions options = listener();
    options.terminal = terminal.side_of_the_program();
    Process running(options);
    ASSERT_TRUE(eventually([&] { return got("up"); }));
    terminal.type('\x1a');
    // The leader of a session has no shell that could continue it, so the kernel does not stop it at Ctrl-Z.
    running.send(SIGSTOP);
    EXPECT_TRUE(eventually([&] { return running.stopped(); }));
    running.send(SIGCONT);
    running.send(SIGUSR1);
    EXPECT_TRUE(eventually([&] { return got("USR1"); }));
    running.send(SIGTERM);
    EXPECT_EQ(running.wait().status, 42);
}

TEST_F(SignalsTest, StoppedCommandStopsPharox) {
    // Not an orphaned process group: its leader's parent is a shell in the same session.
    const std::string script = R"script(
        set -m
        "$0" run --pool latam -- bash -c 'echo up >>"$0"; kill -TSTP $$; echo continued >>"$0"; exit 6' "$1" &
        until test "$(jobs -s | wc -l)" = 1; do sleep 0.02; done
        echo stopped >>"$1"
        fg
        exit $?)script";
    ProcessOptions options = command({});
    options.arguments = {"/bin/bash", "-c", script, PHAROX_PROGRAM, home_.file("got")};
    const Terminal terminal;
    options.terminal = terminal.side_of_the_program();
    Process shell(options);
    EXPECT_EQ(shell.wait().status, 6);
    EXPECT_EQ(home_.read("got"), "up\nstopped\ncontinued\n");
}

TEST_F(SignalsTest, CommandInheritsDispositionsAndMask) {
    for (const std::string& prefix : {std::string(), std::string("trap '' HUP PIPE; ")}) {
        const auto signals_of = [&](const std::vector<std::string>& before) {
            ProcessOptions options = command({});
            options.arguments = {"/bin/sh", "-c", prefix + R"("$@")", "sh"};
            options.arguments.insert(options.arguments.end(), before.begin(), before.end());
            options.arguments.insert(options.arguments.end(), {PROXY_USER_PROGRAM, "signals"});
            return run_process(options).output;
        };
        const std::string plain = signals_of({});
        EXPECT_NE(plain.find("done"), std::string::npos);
        EXPECT_EQ(signals_of({PHAROX_PROGRAM, "run", "--pool", "latam", "--"}), plain);
    }
}

}  // namespace
}  // namespace pharox::test
