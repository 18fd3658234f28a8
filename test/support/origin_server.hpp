// The web server that receives the requests of the tests: it answers all of them, and records them.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pharox::test {

class OriginServer {
  public:
    static constexpr const char* body = "this is the origin\n";

    /// Listens on a loopback port that the kernel selects. Throws std::system_error.
    OriginServer();
    OriginServer(const OriginServer&) = delete;
    OriginServer& operator=(const OriginServer&) = delete;
    ~OriginServer();

    [[nodiscard]] int port() const noexcept { return port_; }
    /// The heads of the requests so far: request line and headers, unchanged.
    [[nodiscard]] std::vector<std::string> requests() const;

  private:
    void serve();
    void answer(int connection);

    int listener_ = -1;
    int stop_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace pharox::test
