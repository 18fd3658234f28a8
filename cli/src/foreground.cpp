#include "foreground.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace pharox::cli {
namespace {

/// The kernel sends SIGTTOU to a background process that changes the terminal, unless it is blocked.
class WithoutSigttou {
  public:
    WithoutSigttou() {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTTOU);
        ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    }
    WithoutSigttou(const WithoutSigttou&) = delete;
    WithoutSigttou& operator=(const WithoutSigttou&) = delete;
    ~WithoutSigttou() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

}  // namespace

Foreground::Foreground() : terminal_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
    termios modes{};
    if (is_own() && ::tcgetattr(terminal_, &modes) == 0) modes_ = modes;
}

Foreground::~Foreground() {
    take_back();
    if (terminal_ >= 0) ::close(terminal_);
}

bool Foreground::is_own() const { return terminal_ >= 0 && ::tcgetpgrp(terminal_) == ::getpgrp(); }

bool Foreground::lend(pid_t group) {
    if (!is_own() || ::tcsetpgrp(terminal_, group) != 0) return false;
    lent_to_ = group;
    return true;
}

bool Foreground::take_back() {
    const pid_t group = std::exchange(lent_to_, 0);
    if (group == 0) return false;
    const WithoutSigttou blocked;
    if (::tcgetpgrp(terminal_) == group) ::tcsetpgrp(terminal_, ::getpgrp());
    return true;
}

void Foreground::restore_modes() const {
    const WithoutSigttou blocked;
    if (modes_ && is_own()) ::tcsetattr(terminal_, TCSADRAIN, &*modes_);
}

}  // namespace pharox::cli
