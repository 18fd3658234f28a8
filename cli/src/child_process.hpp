// One command, started in the foreground as `env` would, that does not outlive this process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "signal_inbox.hpp"

namespace pharox::cli {

struct ChildCommand {
    std::vector<std::string> arguments;    ///< the program first; looked for in PATH
    std::vector<std::string> environment;  ///< NAME=value
};

class ChildProcess {
  public:
    /// What the child did, as far as this process should care.
    struct Change {
        enum class Kind : std::uint8_t { exited, killed, stopped_by_terminal } kind;
        int value = 0;  ///< its status, or the signal
    };

    /// Starts it in this process group, with the signals as the inbox found them, and with SIGKILL as its
    /// fate should this process die. Throws std::system_error: where `code()` is that of the failed exec
    /// (ENOENT, EACCES …) nothing runs. Call it from the thread that lives longest: the child's fate hangs on
    /// that.
    static ChildProcess start(const ChildCommand& command, const SignalInbox& inbox);

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    void send(int signal) const noexcept;
    /// The next change, or nothing where there is none now.
    [[nodiscard]] std::optional<Change> poll_change() const;

  private:
    explicit ChildProcess(pid_t id) noexcept : id_(id) {}
    pid_t id_;
};

}  // namespace pharox::cli
