// For adapters whose calls wait inside themselves, as for a lock of another process.
#pragma once

#include <stop_token>

namespace [[gnu::visibility("default")]] pharox {

/// During its lifetime, calls of a storage in this thread are those of an acquire() with this stop token.
class CallStop {
  public:
    explicit CallStop(const std::stop_token& stop) noexcept;
    CallStop(const CallStop&) = delete;
    CallStop& operator=(const CallStop&) = delete;
    ~CallStop();

    /// Whether the call that runs in this thread is to end. An adapter that waits then throws a retryable
    /// StorageError, with nothing changed.
    [[nodiscard]] static bool requested() noexcept;

  private:
    const std::stop_token* outer_;
};

}  // namespace pharox
