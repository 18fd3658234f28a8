#include "command_guard.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "descendants.hpp"

namespace pharox::cli {
namespace {

constexpr std::chrono::seconds time_to_kill(2);
constexpr std::chrono::milliseconds between_kills(20);

/// At most PIPE_BUF, so it is written and read as a whole.
struct Message {
    pid_t command = -1;             ///< -1 dismisses the guard
    std::array<char, 128> entry{};  ///< ends with a null character
};

void kill_all(int command, const std::string& entry) {
    ::syscall(SYS_pidfd_send_signal, command, SIGKILL, nullptr, 0);
    const auto until = std::chrono::steady_clock::now() + time_to_kill;
    // A process may fork while the list is read.
    for (auto found = processes_with(entry); !found.empty() && std::chrono::steady_clock::now() < until;
         found = processes_with(entry)) {
        for (const pid_t id : found) ::kill(id, SIGKILL);
        std::this_thread::sleep_for(between_kills);
    }
}

[[noreturn]] void guard(int channel) {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::setsid();  // a signal to pharox's group or terminal does not concern it
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) ::_exit(1);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, stream);
    constexpr int kept = 3;
    ::dup2(channel, kept);
    ::close_range(kept + 1, ~0U, 0);
    if (::chdir("/") != 0) ::_exit(1);

    Message message;
    if (::read(kept, &message, sizeof message) == static_cast<ssize_t>(sizeof message) &&
        message.command > 0) {
        // Not <sys/pidfd.h>: glibc 2.36 declares it for C alone.
        const int command = static_cast<int>(::syscall(SYS_pidfd_open, message.command, 0));
        const std::string entry = message.entry.data();
        if (::read(kept, &message, sizeof message) == 0) kill_all(command, entry);
    }
    ::_exit(0);
}

}  // namespace

CommandGuard::CommandGuard() {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return;
    id_ = ::fork();
    if (id_ == 0) {
        ::close(pipe[1]);
        guard(pipe[0]);
    }
    ::close(pipe[0]);
    channel_ = pipe[1];
}

CommandGuard::~CommandGuard() {
    if (id_ > 0) {
        const Message dismissal;
        if (::write(channel_, &dismissal, sizeof dismissal) < 0) ::kill(id_, SIGKILL);
        ::waitpid(id_, nullptr, 0);
    }
    if (channel_ >= 0) ::close(channel_);
}

void CommandGuard::watch(pid_t command, const std::string& entry) const {
    Message message{.command = command};
    if (id_ < 0 || entry.size() >= message.entry.size()) return;
    std::ranges::copy(entry, message.entry.begin());
    if (::write(channel_, &message, sizeof message) < 0) return;  // the guard was killed
}

}  // namespace pharox::cli
