// A command that is started in the foreground, as `env` would, and does not outlive this process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "signal_inbox.hpp"

namespace pharox::cli {

struct ChildCommand {
    std::vector<std::string> arguments;    ///< the program first; searched in PATH
    std::vector<std::string> environment;  ///< NAME=value
};

class ChildProcess {
  public:
    /// A change of the child's state.
    struct Change {
        enum class Kind : std::uint8_t { exited, killed, stopped } kind;
        int value = 0;  ///< its exit status, or the signal
    };

    /// Starts the command in this process group, with the signal mask and dispositions that the inbox saved.
    /// The kernel kills it with SIGKILL if the calling thread ends, so call this from the thread that lives
    /// longest. Throws std::system_error; if `code()` is that of a failed exec (ENOENT, EACCES …), no command
    /// runs.
    static ChildProcess start(const ChildCommand& command, const SignalInbox& inbox);

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    /// Whether it leads a process group other than this process's, as `timeout` and `setsid` do. Signals of a
    /// terminal's keys do not reach that group unless it is in the foreground.
    [[nodiscard]] bool leads_own_group() const noexcept;
    /// Whether it has left this process's session. The kernel then ignores SIGTSTP to it.
    [[nodiscard]] bool left_session() const noexcept;
    /// Signals the group that it leads, or else the process alone.
    void send(int signal) const noexcept;
    /// The next change, or nothing if there is none. Also reaps other children: orphans that were reparented
    /// to this process.
    [[nodiscard]] std::optional<Change> poll_change() const;

  private:
    explicit ChildProcess(pid_t id) noexcept : id_(id) {}
    pid_t id_;
};

}  // namespace pharox::cli
