// A file of mode 0600 that appears under its name when it is complete.
#pragma once

#include <filesystem>
#include <fstream>
#include <iosfwd>

namespace pharox::cli {

class PrivateFile {
  public:
    /// Creates a file beside `path`. Throws ConflictError if `path` exists and is not to be replaced,
    /// UsageError with the system's reason if it cannot be created.
    PrivateFile(std::filesystem::path path, bool replace);
    PrivateFile(const PrivateFile&) = delete;
    PrivateFile& operator=(const PrivateFile&) = delete;
    /// Removes the file unless it was published.
    ~PrivateFile();
    [[nodiscard]] std::ostream& stream() noexcept { return stream_; }
    /// Writes all out and gives the file its name. Throws as the constructor.
    void publish();

  private:
    std::filesystem::path path_;
    std::filesystem::path unfinished_;
    bool replace_;
    std::ofstream stream_;
};

}  // namespace pharox::cli
