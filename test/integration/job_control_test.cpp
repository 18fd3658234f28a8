// pharox run on a terminal: each row of the tables in docs/how-to/run.md.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "pharox_test.hpp"
#include "terminal.hpp"

namespace pharox::test {
namespace {

constexpr const char* ctrl_c = "\x03";
constexpr const char* ctrl_z = "\x1a";
constexpr const char* ctrl_backslash = "\x1c";

class JobControlTest : public PharoxTest {
  protected:
    void SetUp() override { import("latam", "192.0.2.1:8080\n"); }

    /// A script that logs the signals it receives and then ends with 128 + n, after `before` (as `timeout
    /// 60`).
    [[nodiscard]] std::vector<std::string> listener(std::vector<std::string> before = {}) const {
        const std::string script = R"script(
            for name in HUP INT QUIT TERM; do
                trap "echo $name >>'$0'; exit $((128 + $(kill -l $name)))" $name
            done
            echo up $$ >>"$0"
            while :; do sleep 0.02; done)script";
        before.insert(before.end(), {"bash", "-c", script, log()});
        return before;
    }
    [[nodiscard]] ProcessOptions run(const std::vector<std::string>& command_line,
                                     std::vector<std::string> options = {}) const {
        options.insert(options.begin(), {"run", "--pool", "latam"});
        options.emplace_back("--");
        options.insert(options.end(), command_line.begin(), command_line.end());
        return command(std::move(options));
    }
    /// `script` in an interactive shell's position: bash leads the session and has job control. `$PHAROX` is
    /// the program, `$LOG` the log.
    [[nodiscard]] ProcessOptions shell(const std::string& script) const {
        ProcessOptions options = command({});
        options.arguments = {"bash", "--norc", "-c", "set -m\n" + script};
        options.environment["PHAROX"] = PHAROX_PROGRAM;
        options.environment["LOG"] = log();
        return options;
    }
    [[nodiscard]] std::string log() const { return home_.file("log"); }
    [[nodiscard]] long logged(const std::string& line) const {
        const std::string all = "\n" + home_.read("log");
        long count = 0;
        for (std::size_t at = 0; (at = all.find("\n" + line, at)) != std::string::npos; ++at) ++count;
        return count;
    }
    [[nodiscard]] bool is_up() const {
        return eventually([&] { return logged("up ") > 0; });
    }
    /// The number behind the first line `name NUMBER` of the log.
    [[nodiscard]] pid_t process(const std::string& name = "up") const {
        const std::string all = "\n" + home_.read("log");
        const auto at = all.find("\n" + name + " ");
        return at == std::string::npos ? -1 : static_cast<pid_t>(std::stol(all.substr(at + name.size() + 2)));
    }
    /// Its state in /proc, or '-' if it has ended.
    static char state(pid_t id) {
        const std::string file = "/proc/" + std::to_string(id) + "/stat";
        std::ifstream in(file);
        std::string text;
        std::getline(in, text);
        const auto at = text.rfind(") ");
        return at == std::string::npos || text[at + 2] == 'Z' ? '-' : text[at + 2];
    }
    static bool becomes(pid_t id, char wanted) {
        return eventually([&] { return state(id) == wanted; });
    }
    void expect_no_lease() { EXPECT_EQ(leases_of("latam"), 0); }
};

TEST_F(JobControlTest, KeysReachTheCommandOnceWithItsOwnGroupOrNot) {
    const std::pair<const char*, int> keys[] = {{ctrl_c, SIGINT}, {ctrl_backslash, SIGQUIT}};
    const std::vector<std::string> befores[] = {{}, {"timeout", "60"}, {"setsid", "-w"}};
    for (const auto& before : befores) {
        for (const auto& [key, signal] : keys) {
            std::filesystem::remove(log());
            TerminalProcess running(run(listener(before)));
            ASSERT_TRUE(is_up());
            running.type(key);
            EXPECT_EQ(running.wait(), 128 + signal) << running.output();
            EXPECT_EQ(logged(signal == SIGINT ? "INT" : "QUIT"), 1) << home_.read("log");
            expect_no_lease();
        }
    }
}

TEST_F(JobControlTest, HangUpEndsTheCommandOfASessionLeader) {
    for (const std::vector<std::string>& before :
         {std::vector<std::string>{}, std::vector<std::string>{"timeout", "60"},
          std::vector<std::string>{"setsid", "-w"}}) {
        std::filesystem::remove(log());
        TerminalProcess running(run(listener(before)));
        ASSERT_TRUE(is_up());
        running.close_terminal();
        EXPECT_EQ(running.wait(), 128 + SIGHUP);
        EXPECT_EQ(logged("HUP"), 1) << home_.read("log");
        expect_no_lease();
    }
}

TEST_F(JobControlTest, HangUpEndsTheJobOfAShell) {
    for (const std::string before : {"", "timeout 60", "setsid -w"}) {
        std::filesystem::remove(log());
        TerminalProcess running(shell(R"script("$PHAROX" run --pool latam -- )script" + before +
                                      R"script( bash -c 'echo up $$ >>"$LOG"; sleep 1000'; exit 0)script"));
        ASSERT_TRUE(is_up());
        running.close_terminal();
        running.wait();
        EXPECT_TRUE(becomes(process(), '-')) << before;
        EXPECT_TRUE(eventually([&] { return leases_of("latam") == 0; }));
    }
}

TEST_F(JobControlTest, ChangedWindowSizeReachesTheCommand) {
    for (const std::vector<std::string>& before :
         {std::vector<std::string>{}, std::vector<std::string>{"setsid", "-w"}}) {
        std::filesystem::remove(log());
        std::vector<std::string> line = before;
        line.insert(line.end(), {"bash", "-c", R"script(
            trap 'echo WINCH >>"$0"; exit 9' WINCH
            echo up $$ >>"$0"
            while :; do sleep 0.02; done)script",
                                 log()});
        TerminalProcess running(run(line));
        ASSERT_TRUE(is_up());
        running.resize(30, 100);
        EXPECT_EQ(running.wait(), 9);
        EXPECT_EQ(logged("WINCH"), 1);
    }
}

TEST_F(JobControlTest, HangUpEndsAStoppedCommand) {
    TerminalProcess running(run(listener()));
    ASSERT_TRUE(is_up());
    ::kill(process(), SIGSTOP);
    ASSERT_TRUE(becomes(process(), 'T'));
    running.close_terminal();
    EXPECT_EQ(running.wait(), 128 + SIGHUP);
    expect_no_lease();
}

TEST_F(JobControlTest, CtrlZStopsTheJobOfAShellAndFgContinuesIt) {
    for (const std::string before : {"", "timeout 60", "setsid -w"}) {
        std::filesystem::remove(log());
        TerminalProcess running(shell(R"script(
            "$PHAROX" run --pool latam -- )script" +
                                      before + R"script( bash -c '
                trap "echo CONT >>\"$LOG\"" CONT; echo up $$ >>"$LOG"
                until test -e "$LOG.go"; do sleep 0.02; done; exit 7'
            echo "stopped $?" >>"$LOG"
            touch "$LOG.go"
            fg
            echo "ended $?" >>"$LOG")script"));
        ASSERT_TRUE(is_up());
        running.type(ctrl_z);
        EXPECT_EQ(running.wait(), 0) << running.output();
        EXPECT_EQ(logged("stopped 148"), 1) << before << home_.read("log");
        EXPECT_EQ(logged("ended 7"), 1) << before << home_.read("log");
        std::filesystem::remove(log() + ".go");
        expect_no_lease();
    }
}

TEST_F(JobControlTest, CtrlZDoesNotStopASessionLeader) {
    for (const std::vector<std::string>& before :
         {std::vector<std::string>{}, std::vector<std::string>{"timeout", "60"},
          std::vector<std::string>{"setsid", "-w"}}) {
        std::filesystem::remove(log());
        TerminalProcess running(run(listener(before)));
        ASSERT_TRUE(is_up());
        running.type(ctrl_z);
        running.type(ctrl_c);
        EXPECT_EQ(running.wait(), 128 + SIGINT) << running.output();
        expect_no_lease();
    }
}

TEST_F(JobControlTest, CommandInItsOwnGroupIsLentTheTerminal) {
    TerminalProcess running(shell(R"script(
        "$PHAROX" run --pool latam -- perl -e 'setpgrp; $line = <STDIN>; exit($line eq "hello\n" ? 5 : 6)'
        echo "ended $?" >>"$LOG"
        read line; echo "shell $line" >>"$LOG")script"));
    running.type("hello\n");
    EXPECT_TRUE(eventually([&] { return logged("ended") == 1; })) << running.output();
    EXPECT_EQ(logged("ended 5"), 1);
    running.type("again\n");
    EXPECT_EQ(running.wait(), 0);
    EXPECT_EQ(logged("shell again"), 1);
}

TEST_F(JobControlTest, CtrlCWithALentTerminalEndsTheScript) {
    home_.write("script", R"script(
        "$PHAROX" run --pool latam -- perl -e 'setpgrp; exec "sh", "-c", "stty -echo; echo ready >>\$LOG; head -1"'
        echo "went on" >>"$LOG")script");
    TerminalProcess running(shell(R"(bash "$HOME/script")"));
    ASSERT_TRUE(eventually([&] { return logged("ready") == 1; }));
    EXPECT_EQ(running.modes().c_lflag & ECHO, 0U);
    EXPECT_TRUE(eventually([&] {
        running.type(ctrl_c);
        return running.ended();
    })) << running.output();
    EXPECT_EQ(running.wait(), 128 + SIGINT) << running.output();
    EXPECT_EQ(logged("went on"), 0);
    expect_no_lease();
}

TEST_F(JobControlTest, TerminalModesAreRestoredAfterAKilledCommand) {
    TerminalProcess running(shell(R"script(
        bash -c '"$PHAROX" run --pool latam -- bash -c "stty raw -echo; echo up \$\$ >>\"\$LOG\"; kill -9 \$\$"
            echo "ended $?" >>"$LOG"; read line')script"));
    EXPECT_TRUE(eventually([&] { return logged("ended 137") == 1; })) << running.output();
    EXPECT_NE(running.modes().c_lflag & ECHO, 0U);
    EXPECT_NE(running.modes().c_lflag & ICANON, 0U);
    running.type("\n");
    running.wait();
}

TEST_F(JobControlTest, BackgroundJobThatReadsTheTerminalStops) {
    TerminalProcess running(shell(R"script(
        "$PHAROX" run --pool latam -- bash -c 'echo up $$ >>"$LOG"; read line; echo "read $line" >>"$LOG"; exit 3' &
        until test "$(jobs -s | wc -l)" = 1; do sleep 0.02; done
        echo stopped >>"$LOG"
        fg
        echo "ended $?" >>"$LOG")script"));
    ASSERT_TRUE(eventually([&] { return logged("stopped") == 1; })) << running.output();
    running.type("hello\n");
    EXPECT_EQ(running.wait(), 0);
    EXPECT_EQ(logged("read hello"), 1) << home_.read("log");
    EXPECT_EQ(logged("ended 3"), 1) << home_.read("log");
}

TEST_F(JobControlTest, StatusesAfterSignalsToPharox) {
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) {
        std::filesystem::remove(log());
        TerminalProcess running(
            run({"timeout", "60", "bash", "-c", R"script(echo up $$ >>"$0"; exec sleep 1000)script", log()}));
        ASSERT_TRUE(is_up());
        const pid_t sleeper = process();
        running.send(signal);
        EXPECT_GT(running.wait(), 128) << signal;
        EXPECT_TRUE(becomes(sleeper, '-')) << signal;
        expect_no_lease();
    }
}

/// A background process, a double fork and a session of its own, all of which ignore SIGTERM.
constexpr const char* family = R"script(
    trap '' TERM
    sleep 1000 & echo background $! >>"$0"
    (bash -c 'echo orphan $$ >>"$0"; exec sleep 1000' "$0" &)
    setsid bash -c 'echo session $$ >>"$0"; exec sleep 1000' "$0" &
    until test "$(wc -l <"$0")" = 3; do sleep 0.02; done
    echo up $$ >>"$0"
    wait)script";

TEST_F(JobControlTest, LostLeaseEndsAllDescendants) {
    TerminalProcess running(run({"bash", "-c", family, log()},
                                {"--duration", "300ms", "--on-lost", "kill", "--kill-after", "200ms"}));
    ASSERT_TRUE(is_up());
    const std::string id = json_member(pharox({"proxy", "list", "--pool", "latam", "--json"}).output, "id");
    EXPECT_EQ(pharox({"proxy", "remove", "--force", id}).status, 0);
    EXPECT_EQ(running.wait(), 124) << running.output();
    for (const char* name : {"background", "orphan", "session", "up"})
        EXPECT_EQ(state(process(name)), '-') << name;
}

TEST_F(JobControlTest, KillOfPharoxEndsAllDescendants) {
    // The kernel clears the parent-death signal of a program that changes its user, as setpriv does here.
    TerminalProcess running(run({"setpriv", "--pdeathsig", "clear", "bash", "-c", family, log()}));
    ASSERT_TRUE(is_up());
    running.send(SIGKILL);
    EXPECT_EQ(running.wait(), 128 + SIGKILL);
    for (const char* name : {"background", "orphan", "session", "up"})
        EXPECT_TRUE(becomes(process(name), '-')) << name;
}

TEST_F(JobControlTest, BackgroundProcessesOutliveTheCommandAndNoGuardRemains) {
    Process running(run({"bash", "-c", R"(sleep 1000 & echo background $! >>"$0"; exit 4)", log()}));
    EXPECT_EQ(running.wait().status, 4);
    const pid_t background = process("background");
    EXPECT_NE(state(background), '-');
    ::kill(background, SIGKILL);
    EXPECT_TRUE(becomes(background, '-'));
    expect_no_lease();
}

TEST_F(JobControlTest, FirstProcessOfAPidNamespaceReapsOrphansAndHeedsSignals) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        std::filesystem::remove(log());
        ProcessOptions options = run({"bash", "-c", R"script(
            for i in 1 2 3; do (sleep 0.01 & exec true); done
            until test "$(grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l)" = 0 &&
                test "$(pgrep -c sleep)" = 0; do :; done
            echo up $$ >>"$0"
            exec sleep 1000)script",
                                      log()});
        options.arguments.insert(options.arguments.begin(), {"unshare", "--user", "--map-root-user", "--pid",
                                                             "--fork", "--mount-proc", "--kill-child"});
        TerminalProcess running(options);
        ASSERT_TRUE(is_up());
        // unshare's only child is pharox, process 1 of the namespace.
        const std::string children =
            "/proc/" + std::to_string(running.id()) + "/task/" + std::to_string(running.id()) + "/children";
        pid_t first = -1;
        std::ifstream(children) >> first;
        ASSERT_GT(first, 0);
        ::kill(first, signal);
        EXPECT_EQ(running.wait(), 128 + signal) << running.output();
        expect_no_lease();
    }
}

TEST_F(JobControlTest, AcquireThatWaitsStopsAndContinues) {
    ASSERT_EQ(pharox({"pool", "add", "empty"}).status, 0);
    TerminalProcess running(shell(R"script(
        "$PHAROX" acquire --pool empty --wait 1d
        echo "stopped $?" >>"$LOG"
        status=148
        again() { test $status != 148 || { fg; status=$?; }; }
        again; again; again; again  # Ctrl-Z may have been typed more than once
        echo "ended $status" >>"$LOG")script"));
    EXPECT_TRUE(eventually([&] {
        running.type(ctrl_z);
        return logged("stopped 148") == 1;
    })) << running.output();
    import("empty", "192.0.2.9:1\n");
    EXPECT_EQ(running.wait(), 0);
    EXPECT_EQ(logged("ended 0"), 1) << home_.read("log");
}

TEST_F(JobControlTest, IgnoredHangUpDoesNotEndAWait) {
    ASSERT_EQ(pharox({"pool", "add", "empty"}).status, 0);
    ProcessOptions options = command({"acquire", "--pool", "empty", "--wait", "1d"});
    options.arguments.insert(options.arguments.begin(), {"nohup"});
    Process waiting(options);
    ASSERT_TRUE(eventually([&] {
        const std::string threads = "/proc/" + std::to_string(waiting.id()) + "/task";
        std::error_code ended;
        const std::filesystem::directory_iterator entries(threads, ended);
        return std::distance(begin(entries), end(entries)) > 1;
    }));
    waiting.send(SIGHUP);
    import("empty", "192.0.2.9:1\n");
    EXPECT_EQ(waiting.wait().status, 0);
}

}  // namespace
}  // namespace pharox::test
