// Programs under test: starting them, sending signals, waiting for their end.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pharox::test {

using Environment = std::map<std::string, std::string>;

struct ProcessOptions {
    std::vector<std::string> arguments;  ///< the program first
    Environment environment{};           ///< the whole environment
    std::string input{};                 ///< on standard input, if there is no terminal
    bool own_group = false;              ///< lead a process group, so that all its processes can be ended
    int terminal = -1;  ///< a pseudo-terminal that becomes its controlling terminal and its three streams
};

struct Finished {
    int status = -1;  ///< of exit(), or 128 + n for death by signal n
    bool by_signal = false;
    std::string output;
    std::string errors;
    std::vector<std::string> arguments{};  ///< of the call, the program first
};

/// A child process. It is killed by the destructor, and when the test itself dies.
class Process {
  public:
    /// Throws std::system_error.
    explicit Process(const ProcessOptions& options);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    void send(int signal) const;
    /// Whether it has ended; if so, wait() returns at once.
    bool ended();
    /// Whether a signal has stopped it since the last call.
    bool stopped();
    [[nodiscard]] std::string errors_so_far() const { return read_all(errors_); }
    /// Throws std::runtime_error, after killing it, if it does not end in time.
    Finished wait();

  private:
    void take_status(int options);
    [[nodiscard]] static std::string read_all(int descriptor);

    std::vector<std::string> arguments_;
    pid_t id_ = -1;
    int output_ = -1;
    int errors_ = -1;
    bool group_ = false;
    bool stopped_ = false;
    std::optional<int> wait_status_{};
};

/// Starts the program and waits for its end.
Finished run_process(const ProcessOptions& options);

}  // namespace pharox::test
