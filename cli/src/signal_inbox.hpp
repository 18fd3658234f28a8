// Signals as events to be read, instead of interruptions.
#pragma once

#include <csignal>
#include <optional>

namespace pharox::cli {

struct ReceivedSignal {
    int number = 0;
    bool from_process = false;  ///< sent by kill() or the like; else by the kernel, as a terminal's Ctrl-C is
    pid_t sender = 0;           ///< of a signal from a process
};

/// While it lives, the signals that concern a running command are blocked and wait to be read. Make it before
/// any thread: threads inherit the mask.
class SignalInbox {
  public:
    /// Throws std::system_error.
    SignalInbox();
    SignalInbox(const SignalInbox&) = delete;
    SignalInbox& operator=(const SignalInbox&) = delete;
    ~SignalInbox();

    /// Readable when a signal waits.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    /// The next signal; nothing where none waits.
    [[nodiscard]] std::optional<ReceivedSignal> next() const;
    /// In a forked child, before exec: mask and dispositions as this process found them. Async-signal-safe.
    void restore() const noexcept;

  private:
    int descriptor_ = -1;
    sigset_t original_mask_{};
    struct sigaction original_child_{};
    struct sigaction original_pipe_{};
};

/// Dies by the signal, as if it had never been blocked.
[[noreturn]] void die_by(int signal);

}  // namespace pharox::cli
