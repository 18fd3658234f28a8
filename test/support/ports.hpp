// Loopback ports for servers that want to be told theirs.
#pragma once

namespace pharox::test {

/// A port of 127.0.0.1 that nothing listens on, and that no other test takes while this lives. It lies below
/// those that the kernel hands out by itself.
class ReservedPort {
  public:
    /// Throws std::runtime_error where none is left.
    ReservedPort();
    ReservedPort(const ReservedPort&) = delete;
    ReservedPort& operator=(const ReservedPort&) = delete;
    ~ReservedPort();

    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_ = 0;
    int lock_ = -1;
};

/// Whether somebody accepts connections there.
bool accepts_connections(int port);

}  // namespace pharox::test
