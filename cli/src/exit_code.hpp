// What the exit status says. Documented in docs/how-to/command-line.md and in --help.
#pragma once

namespace pharox::cli {

namespace exit_code {
inline constexpr int success = 0;
inline constexpr int failure = 1;    ///< what no other code names
inline constexpr int bad_input = 2;  ///< usage, values, lists
inline constexpr int no_proxy = 3;   ///< nothing available now
inline constexpr int not_found = 4;  ///< no such pool, proxy or lease
inline constexpr int storage = 5;    ///< the store failed
}  // namespace exit_code

/// `run` hands on the command's own status, so its own say lies where commands seldom do; the last three are
/// those of env and timeout, and 128 + n stands for death by signal n.
namespace run_exit_code {
inline constexpr int no_proxy = 123;
inline constexpr int lease_lost = 124;  ///< --on-lost kill ended the command
inline constexpr int pharox_failed = 125;
inline constexpr int not_executable = 126;
inline constexpr int not_found = 127;
}  // namespace run_exit_code

}  // namespace pharox::cli
