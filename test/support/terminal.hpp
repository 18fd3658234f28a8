// A program in a session of its own on a pseudo-terminal, as a terminal emulator starts it.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <optional>
#include <string>

#include "process.hpp"

namespace pharox::test {

/// The program leads the session and its first process group, which is in the foreground. It is killed by the
/// destructor, with the session's other processes as far as the hang-up kills them.
class TerminalProcess {
  public:
    /// Uses `arguments` and `environment`. Throws std::system_error.
    explicit TerminalProcess(const ProcessOptions& options);
    TerminalProcess(const TerminalProcess&) = delete;
    TerminalProcess& operator=(const TerminalProcess&) = delete;
    ~TerminalProcess();

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    void send(int signal) const;
    void type(const std::string& keys) const;
    /// At first the terminal has no size.
    void resize(unsigned short columns, unsigned short rows) const;
    /// Closes the terminal's other side: the kernel hangs up.
    void close_terminal();
    [[nodiscard]] pid_t foreground_group() const;
    [[nodiscard]] termios modes() const;
    /// What was written to the terminal so far.
    std::string output();
    bool ended();
    /// The exit status, or 128 + n for death by signal n. Throws std::runtime_error if it does not end in
    /// time.
    int wait();

  private:
    int master_ = -1;
    pid_t id_ = -1;
    std::string output_;
    std::optional<int> status_{};
};

}  // namespace pharox::test
