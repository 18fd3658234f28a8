// An installed server on a loopback port, running during a test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports.hpp"
#include "process.hpp"

namespace pharox::test {

/// The program's path in PATH and the directories of system programs. Throws std::runtime_error with the name
/// of the Debian package if it is missing: a test without its server fails.
std::string find_program(const std::string& name, const std::string& package);

class ServerProcess {
  public:
    /// Starts the server and waits until `port` accepts connections. Throws std::runtime_error with its
    /// output if it ends before.
    ServerProcess(const std::vector<std::string>& arguments, int port);
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    /// Ends the server and its children with SIGTERM, then with SIGKILL.
    ~ServerProcess();

  private:
    Process process_;
};

}  // namespace pharox::test
