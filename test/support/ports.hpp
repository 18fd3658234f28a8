// Loopback ports for servers that cannot choose one themselves.
#pragma once

namespace pharox::test {

/// A port of 127.0.0.1 without a listener, which no other test takes during this object's lifetime. It lies
/// below the kernel's ephemeral ports.
class ReservedPort {
  public:
    /// Throws std::runtime_error if no port is free.
    ReservedPort();
    ReservedPort(const ReservedPort&) = delete;
    ReservedPort& operator=(const ReservedPort&) = delete;
    ~ReservedPort();

    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_ = 0;
    int lock_ = -1;
};

/// Whether a server accepts connections on the port.
bool accepts_connections(int port);

}  // namespace pharox::test
