// Exit statuses, documented in docs/how-to/command-line.md and in --help.
#pragma once

namespace pharox::cli {

namespace exit_code {
inline constexpr int success = 0;
inline constexpr int failure = 1;    ///< any other failure
inline constexpr int bad_input = 2;  ///< usage, values, lists
inline constexpr int no_proxy = 3;   ///< no proxy available now
inline constexpr int not_found = 4;  ///< no such pool, proxy or lease
inline constexpr int storage = 5;    ///< the store failed
}  // namespace exit_code

/// `run` returns the command's own status, so its own statuses are values that commands seldom use. The last
/// three are those of env and timeout; 128 + n means death by signal n.
namespace run_exit_code {
inline constexpr int no_proxy = 123;
inline constexpr int lease_lost = 124;  ///< --on-lost kill ended the command
inline constexpr int pharox_failed = 125;
inline constexpr int not_executable = 126;
inline constexpr int not_found = 127;
}  // namespace run_exit_code

}  // namespace pharox::cli
