// Ends the command and its descendants if this process is killed.
#pragma once

#include <sys/types.h>

#include <string>

namespace pharox::cli {

/// A process that outlives this one if it is killed by SIGKILL, and then kills the command: the parent-death
/// signal alone does not reach descendants, and the kernel clears it when a program changes its user. Create
/// it before any thread. Without a second process, as when none can be forked, the parent-death signal
/// remains.
class CommandGuard {
  public:
    CommandGuard();
    CommandGuard(const CommandGuard&) = delete;
    CommandGuard& operator=(const CommandGuard&) = delete;
    /// Dismisses the guard.
    ~CommandGuard();

    /// The guard's process id, or -1.
    [[nodiscard]] pid_t id() const noexcept { return id_; }
    /// From now on, the death of this process kills `command`, and all processes that have `entry`
    /// (NAME=value) in their environment, as far as the guard may read it.
    void watch(pid_t command, const std::string& entry) const;

  private:
    pid_t id_ = -1;
    int channel_ = -1;
};

}  // namespace pharox::cli
