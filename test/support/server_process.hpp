// A server of the system's, on a loopback port, for as long as a test needs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports.hpp"
#include "process.hpp"

namespace pharox::test {

/// The program's path in PATH and the folders of system programs. Throws std::runtime_error naming the Debian
/// package that has it: a test whose server is missing fails.
std::string find_program(const std::string& name, const std::string& package);

class ServerProcess {
  public:
    /// Starts it and waits until `port` accepts connections. Throws std::runtime_error with what it said
    /// where it ends before.
    ServerProcess(const std::vector<std::string>& arguments, int port);
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    /// Ends it and what it started: politely, then not.
    ~ServerProcess();

  private:
    Process process_;
};

}  // namespace pharox::test
