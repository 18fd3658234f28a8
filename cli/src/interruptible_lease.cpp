#include "interruptible_lease.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <future>
#include <string>
#include <system_error>

namespace pharox::cli {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds patience(1);

bool ends_process(int signal) {
    return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM ||
           signal == SIGUSR1 || signal == SIGUSR2;
}

int poll_timeout(const std::optional<Steady::time_point>& until) {
    if (!until) return -1;
    const auto left = std::chrono::ceil<Duration>(*until - Steady::now());
    return static_cast<int>(std::clamp<Duration::rep>(left.count(), 0, 60'000));
}

}  // namespace

InterruptibleCall::InterruptibleCall(const SignalInbox& inbox)
    : inbox_(inbox), finished_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (finished_ < 0) throw Error("eventfd: " + std::generic_category().message(errno));
}

InterruptibleCall::~InterruptibleCall() { ::close(finished_); }

void InterruptibleCall::finished() const noexcept { ::eventfd_write(finished_, 1); }

std::optional<int> InterruptibleCall::wait() {
    const std::optional<int> signal = poll_until(finished_, std::nullopt);
    if (!signal) return std::nullopt;
    stop_.request_stop();
    // Time to finish, unless a second signal arrives.
    static_cast<void>(poll_until(finished_, Steady::now() + patience));
    return signal;
}

bool InterruptibleCall::is_finished() const noexcept {
    pollfd wanted{.fd = finished_, .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 0) == 1;
}

void release_before_exit(std::function<void()> release) {
    const auto done = std::make_shared<std::promise<void>>();
    std::future<void> released = done->get_future();
    std::thread([release = std::move(release), done] {
        try {
            release();
        } catch (...) {
            static_cast<void>(done);  // the lease ends by its expiry
        }
        done->set_value();
    }).detach();
    released.wait_for(patience);
}

std::optional<int> InterruptibleCall::pause(Duration time) { return poll_until(-1, Steady::now() + time); }

std::optional<int> InterruptibleCall::poll_until(int descriptor, std::optional<Steady::time_point> until) {
    for (;;) {
        while (const auto signal = inbox_.next()) {
            if (ends_process(signal->number) && !SignalInbox::ignored(signal->number)) return signal->number;
            if (signal->number == SIGTSTP) stop_by_default(SIGTSTP);  // nothing is leased yet
        }
        std::array<pollfd, 2> wanted{pollfd{.fd = descriptor, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = inbox_.descriptor(), .events = POLLIN, .revents = 0}};
        const int ready = ::poll(wanted.data(), wanted.size(), poll_timeout(until));
        if (ready > 0 && wanted[0].revents != 0 && wanted[1].revents == 0) return std::nullopt;
        if (until && Steady::now() >= *until) return std::nullopt;
    }
}

}  // namespace pharox::cli
