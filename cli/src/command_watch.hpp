// A command that runs while a lease lasts: its signals, its terminal, its end, and the loss of the lease.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "child_process.hpp"
#include "command_guard.hpp"
#include "pharox/clock.hpp"
#include "signal_inbox.hpp"

namespace pharox::cli {

enum class OnLost : std::uint8_t { warn, kill };

struct WatchOptions {
    OnLost on_lost = OnLost::warn;
    Duration kill_after{};  ///< from SIGTERM to SIGKILL
};

/// Starts the command and waits for its end. Signals, job control and the terminal are described in
/// docs/how-to/run.md. Makes this process a child subreaper. Returns the exit status for this process. Throws
/// std::system_error as ChildProcess::start does. Call it in the main thread. `mark` is an entry of the
/// command's environment that no other command has.
int run_command(const ChildCommand& command, const std::string& mark, const CommandGuard& guard,
                SignalInbox& inbox, std::stop_token lost, const WatchOptions& options);

}  // namespace pharox::cli
