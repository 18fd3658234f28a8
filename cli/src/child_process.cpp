#include "child_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace pharox::cli {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec's shape
    result.push_back(nullptr);
    return result;
}

[[noreturn]] void fail(int error, const char* what) {
    throw std::system_error(error, std::generic_category(), what);
}

/// Runs in the child, where nothing may allocate: other threads may have held a lock at the fork.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& environment,
                         const SignalInbox& inbox, pid_t parent, int report) {
    inbox.restore();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == parent) ::execvpe(arguments.front(), arguments.data(), environment.data());
    const int error = errno;
    if (::write(report, &error, sizeof error) < 0) ::_exit(125);
    ::_exit(127);
}

}  // namespace

ChildProcess ChildProcess::start(const ChildCommand& command, const SignalInbox& inbox) {
    const auto arguments = pointers(command.arguments);
    const auto environment = pointers(command.environment);
    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) become(arguments, environment, inbox, parent, report[1]);
    const int fork_error = errno;
    ::close(report[1]);
    int error = 0;
    ssize_t got = 0;
    if (child > 0)
        got = ::read(report[0], &error, sizeof error);  // signals are blocked, so none interrupts the read
    ::close(report[0]);
    if (child < 0) fail(fork_error, "fork");
    if (got == static_cast<ssize_t>(sizeof error)) {  // a successful exec closes the pipe
        ::waitpid(child, nullptr, 0);
        fail(error, "exec");
    }
    return ChildProcess(child);
}

bool ChildProcess::leads_own_group() const noexcept { return ::getpgid(id_) == id_ && ::getpgrp() != id_; }

bool ChildProcess::left_session() const noexcept { return ::getsid(id_) != ::getsid(0); }

void ChildProcess::send(int signal) const noexcept { ::kill(leads_own_group() ? -id_ : id_, signal); }

std::optional<ChildProcess::Change> ChildProcess::poll_change() const {
    int status = 0;
    for (pid_t id = 0; (id = ::waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
        if (id != id_) continue;
        if (WIFEXITED(status)) return Change{.kind = Change::Kind::exited, .value = WEXITSTATUS(status)};
        if (WIFSIGNALED(status)) return Change{.kind = Change::Kind::killed, .value = WTERMSIG(status)};
        if (WIFSTOPPED(status)) return Change{.kind = Change::Kind::stopped, .value = WSTOPSIG(status)};
    }
    return std::nullopt;
}

}  // namespace pharox::cli
