#include "command_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "descendants.hpp"
#include "exit_code.hpp"
#include "foreground.hpp"
#include "output.hpp"

namespace pharox::cli {
namespace {

using Steady = std::chrono::steady_clock;

/// How long processes that were sent SIGKILL are waited for. Those of another user may be out of reach.
constexpr std::chrono::seconds last_wait(2);
constexpr std::chrono::milliseconds between_kills(20);

/// Becomes readable when the lease is lost.
class LostNotice {
  public:
    explicit LostNotice(const std::stop_token& lost)
        : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          callback_(lost, Signal{descriptor_.number}) {}

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.number; }

  private:
    struct Descriptor {
        explicit Descriptor(int opened) : number(opened) {}
        Descriptor(const Descriptor&) = delete;
        Descriptor& operator=(const Descriptor&) = delete;
        ~Descriptor() { ::close(number); }
        int number;
    };
    struct Signal {
        int descriptor;
        void operator()() const noexcept { ::eventfd_write(descriptor, 1); }
    };
    Descriptor descriptor_;
    std::stop_callback<Signal> callback_;  // destroyed first; its destructor waits for a running call
};

class Watch {
  public:
    Watch(Foreground& foreground, const CommandGuard& guard, ChildProcess child, SignalInbox& inbox,
          std::stop_token lost, const WatchOptions& options)
        : foreground_(foreground),
          guard_(guard),
          child_(child),
          inbox_(inbox),
          lost_(std::move(lost)),
          options_(options) {}

    /// The exit status of this process.
    int until_end() {
        const LostNotice notice(lost_);
        // Ctrl-C between the last read of the inbox and the fork reached only this process: forward it.
        forward_signals(true);
        for (;;) {
            take_changes();
            if (status_ && !ending_) return *status_;
            if (status_ && command_processes().empty()) return run_exit_code::lease_lost;
            std::array<pollfd, 2> wanted{
                pollfd{.fd = inbox_.descriptor(), .events = POLLIN, .revents = 0},
                pollfd{.fd = told_ ? -1 : notice.descriptor(), .events = POLLIN, .revents = 0}};
            ::poll(wanted.data(), wanted.size(), poll_timeout());
            if (!told_ && lost_.stop_requested()) on_lost();
            if (ending_ && Steady::now() >= kill_at_) {
                if (Steady::now() >= kill_at_ + last_wait) return give_up();
                for (const pid_t id : command_processes()) ::kill(id, SIGKILL);
            }
            forward_signals(false);
        }
    }

  private:
    [[nodiscard]] int poll_timeout() const {
        if (!ending_) return -1;
        const auto left = std::chrono::ceil<Duration>(kill_at_ - Steady::now());
        // After SIGKILL, look again soon: a process may have forked meanwhile.
        return static_cast<int>(std::clamp<Duration::rep>(
            left.count(), Steady::now() >= kill_at_ ? between_kills.count() : 0, 60'000));
    }

    /// The command and all its descendants.
    [[nodiscard]] std::vector<pid_t> command_processes() const {
        std::vector<pid_t> found = descendants();
        std::erase(found, guard_.id());
        return found;
    }

    void take_changes() {
        while (const auto change = child_.poll_change()) {
            switch (change->kind) {
                case ChildProcess::Change::Kind::exited:
                    status_ = change->value;
                    foreground_.take_back();
                    return;
                case ChildProcess::Change::Kind::killed:
                    status_ = 128 + change->value;
                    on_killed(change->value);
                    return;
                case ChildProcess::Change::Kind::stopped:
                    on_stopped(change->value);
                    break;
            }
        }
    }

    void on_killed(int signal) {
        const bool keys_went_to_the_command = foreground_.take_back();
        foreground_.restore_modes();
        // The rest of the job, as a script's shell, has not received the key.
        if (keys_went_to_the_command && (signal == SIGINT || signal == SIGQUIT)) ::kill(0, signal);
    }

    void on_stopped(int signal) {
        const bool by_terminal =
            signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU || std::exchange(stop_sent_, false);
        if (!by_terminal) return;
        const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
        if (wants_terminal && child_.leads_own_group() && foreground_.lend(::getpgid(child_.id()))) {
            child_.send(SIGCONT);
            return;
        }
        const bool keys_went_to_the_command = foreground_.take_back();
        if (!stop_by_default(wants_terminal ? signal : SIGTSTP, keys_went_to_the_command)) {
            // No shell could continue this process, so the kernel has not stopped it.
            if (wants_terminal) child_.send(SIGHUP);
            child_.send(SIGCONT);
        }
        if (keys_went_to_the_command) foreground_.lend(::getpgid(child_.id()));
    }

    /// Signals of a terminal's keys go to the whole foreground group, and a hang-up to the session's leader.
    [[nodiscard]] bool command_received(const ReceivedSignal& signal) const {
        if (signal.from_process) return signal.sender == child_.id();
        if (signal.number == SIGHUP && ::getsid(0) == ::getpid()) return false;
        return !child_.leads_own_group();
    }

    void forward_signals(bool also_received) {
        while (const auto signal = inbox_.next()) {
            if (signal->number == SIGCHLD || status_) continue;
            const bool own_by_kernel = also_received && !signal->from_process;
            if (signal->number != SIGCONT && !own_by_kernel && command_received(*signal)) continue;
            if (signal->number == SIGTSTP && child_.left_session()) {
                stop_sent_ = true;
                child_.send(SIGSTOP);
                continue;
            }
            child_.send(signal->number);
            // A stopped process would handle the end of its terminal only when it is continued.
            if (signal->number == SIGHUP && !signal->from_process) child_.send(SIGCONT);
        }
    }

    void on_lost() {
        told_ = true;
        complain("the lease on the proxy is lost, and others may use it now" +
                 std::string(options_.on_lost == OnLost::kill ? ": ending the command" : ""));
        if (options_.on_lost == OnLost::warn) return;
        ending_ = true;
        kill_at_ = Steady::now() + options_.kill_after;
        for (const pid_t id : command_processes()) {
            ::kill(id, SIGTERM);
            ::kill(id, SIGCONT);  // a stopped process does not handle SIGTERM
        }
    }

    static int give_up() {
        complain("processes of the command could not be ended");
        return run_exit_code::lease_lost;
    }

    Foreground& foreground_;
    const CommandGuard& guard_;
    ChildProcess child_;
    SignalInbox& inbox_;
    std::stop_token lost_;
    const WatchOptions& options_;
    std::optional<int> status_{};
    bool told_ = false;
    bool ending_ = false;     // the command and its descendants, because the lease is lost
    bool stop_sent_ = false;  // SIGSTOP, in place of SIGTSTP
    Steady::time_point kill_at_{};
};

}  // namespace

int run_command(const ChildCommand& command, const std::string& mark, const CommandGuard& guard,
                SignalInbox& inbox, std::stop_token lost, const WatchOptions& options) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Foreground foreground;
    const ChildProcess child = ChildProcess::start(command, inbox);
    guard.watch(child.id(), mark);
    return Watch(foreground, guard, child, inbox, std::move(lost), options).until_end();
}

}  // namespace pharox::cli
