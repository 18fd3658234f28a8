// Signals as events that are read from a file descriptor.
#pragma once

#include <csignal>
#include <optional>

namespace pharox::cli {

struct ReceivedSignal {
    int number = 0;
    bool from_process = false;  ///< sent by kill() or the like; else by the kernel, as a terminal's Ctrl-C is
    pid_t sender = 0;           ///< of a signal from a process
};

/// During its lifetime the signals that concern a running command are blocked and queued. Create it before
/// any thread: threads inherit the mask.
class SignalInbox {
  public:
    /// Throws std::system_error.
    SignalInbox();
    SignalInbox(const SignalInbox&) = delete;
    SignalInbox& operator=(const SignalInbox&) = delete;
    ~SignalInbox();

    /// Readable when a signal is queued.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    /// The next signal, or nothing if none is queued.
    [[nodiscard]] std::optional<ReceivedSignal> next() const;
    /// Whether the signal was ignored when this process started, as under `nohup`.
    [[nodiscard]] static bool ignored(int signal) noexcept;
    /// Restores the original mask and dispositions in a forked child before exec. Async-signal-safe.
    void restore() const noexcept;

  private:
    int descriptor_ = -1;
    sigset_t original_mask_{};
    struct sigaction original_child_{};
    struct sigaction original_pipe_{};
};

/// Stops this process by the signal's default action, with its whole process group on request; it returns
/// when SIGCONT has continued it. Returns false, at once, if the kernel did not stop it: no shell of this
/// session could continue it.
bool stop_by_default(int signal, bool whole_group = false);

/// Ends this process by the signal, as if it had not been blocked.
[[noreturn]] void die_by(int signal);

}  // namespace pharox::cli
