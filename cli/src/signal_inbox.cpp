#include "signal_inbox.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <system_error>

namespace pharox::cli {
namespace {

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal :
         {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT})
        sigaddset(&set, signal);
    return set;
}

struct sigaction plain_action(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    return action;
}

}  // namespace

SignalInbox::SignalInbox() {
    const sigset_t set = watched_signals();
    descriptor_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    ::pthread_sigmask(SIG_BLOCK, &set, &original_mask_);
    // The parent process may have set SIGCHLD to ignored, and then waiting for a child fails.
    const struct sigaction by_default = plain_action(SIG_DFL);
    ::sigaction(SIGCHLD, &by_default, &original_child_);
    // A warning to a closed standard error must not end this process while it holds a lease.
    const struct sigaction ignored = plain_action(SIG_IGN);
    ::sigaction(SIGPIPE, &ignored, &original_pipe_);
}

SignalInbox::~SignalInbox() {
    ::close(descriptor_);
    restore();
}

std::optional<ReceivedSignal> SignalInbox::next() const {
    signalfd_siginfo info{};
    if (::read(descriptor_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return ReceivedSignal{.number = static_cast<int>(info.ssi_signo),
                          .from_process = info.ssi_code <= 0,
                          .sender = static_cast<pid_t>(info.ssi_pid)};
}

void SignalInbox::restore() const noexcept {
    ::sigaction(SIGCHLD, &original_child_, nullptr);
    ::sigaction(SIGPIPE, &original_pipe_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &original_mask_, nullptr);
}

bool SignalInbox::ignored(int signal) noexcept {
    struct sigaction action{};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool stop_by_default(int signal, bool whole_group) {
    sigset_t pending;
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigaddset(&set, signal);
    const struct sigaction by_default = plain_action(SIG_DFL);
    struct sigaction action{};
    ::sigaction(signal, &by_default, &action);
    if (whole_group) {
        ::kill(0, signal);
    } else {
        ::raise(signal);
    }
    ::pthread_sigmask(SIG_UNBLOCK, &set, &before);  // stops here
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::sigaction(signal, &action, nullptr);
    return ::sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

void die_by(int signal) {
    const struct sigaction by_default = plain_action(SIG_DFL);
    ::sigaction(signal, &by_default, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    ::raise(signal);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    std::_Exit(128 + signal);  // the signal's default action does not kill
}

}  // namespace pharox::cli
