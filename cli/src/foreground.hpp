// The controlling terminal: which process group is in its foreground, and its modes.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <optional>

namespace pharox::cli {

/// Saves the terminal's modes and lends the foreground to the command's process group. Without a controlling
/// terminal nothing happens.
class Foreground {
  public:
    Foreground();
    Foreground(const Foreground&) = delete;
    Foreground& operator=(const Foreground&) = delete;
    ~Foreground();

    /// Makes `group` the foreground group if this process's group is. Returns whether it was.
    bool lend(pid_t group);
    /// Makes this process's group the foreground group again if `lend` gave it away and no other process has
    /// changed it since. Returns whether it was lent.
    bool take_back();
    /// Sets the modes that the terminal had at the start, if this process's group is in the foreground.
    void restore_modes() const;

  private:
    [[nodiscard]] bool is_own() const;

    int terminal_;
    pid_t lent_to_ = 0;
    std::optional<termios> modes_{};
};

}  // namespace pharox::cli
