// Real proxy servers, each in a separate directory.
#pragma once

#include <memory>
#include <string>

#include "server_process.hpp"
#include "temporary_folder.hpp"

namespace pharox::test {

struct ProxyUser {
    std::string name;
    std::string password;
};

/// A running proxy server.
class RunningProxy {
  public:
    [[nodiscard]] int port() const noexcept { return port_.number(); }
    /// The log so far.
    [[nodiscard]] std::string log() const;
    [[nodiscard]] const TemporaryFolder& folder() const noexcept { return folder_; }

  protected:
    RunningProxy() = default;
    ~RunningProxy() = default;
    TemporaryFolder folder_;
    ReservedPort port_;
    std::unique_ptr<ServerProcess> server_;
};

/// HTTP with basic authentication; adds "tinyproxy-under-test" to Via headers.
class Tinyproxy : public RunningProxy {
  public:
    explicit Tinyproxy(const ProxyUser& user);
};

/// SOCKS5 with a password.
class Microsocks : public RunningProxy {
  public:
    explicit Microsocks(const ProxyUser& user);
};

/// SOCKS4 and SOCKS5 without authentication.
class Dante : public RunningProxy {
  public:
    Dante();
};

/// HTTP inside TLS with basic authentication; adds "squid-under-test" to Via headers. Its certificate is
/// self-signed, for 127.0.0.1: certificate().
class Squid : public RunningProxy {
  public:
    explicit Squid(const ProxyUser& user);
    [[nodiscard]] std::string certificate() const { return folder_.file("certificate.pem"); }
};

}  // namespace pharox::test
