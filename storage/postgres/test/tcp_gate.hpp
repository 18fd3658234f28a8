// A TCP relay between clients and the server: counts messages, cuts and freezes connections.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace pharox::postgres {

/// For connections without TLS. Thread-safe.
class TcpGate {
  public:
    explicit TcpGate(int server_port);
    ~TcpGate();
    TcpGate(const TcpGate&) = delete;
    TcpGate& operator=(const TcpGate&) = delete;

    [[nodiscard]] int port() const noexcept { return port_; }
    /// The numbers of requests (Sync and Query messages), and of rows in responses.
    [[nodiscard]] std::int64_t requests() const noexcept { return requests_; }
    [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::int64_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::int64_t open_connections() const noexcept { return open_; }

    /// Drops the next `answers` responses: the server has executed the request, and the connection is cut.
    void cut_next_answers(int answers) noexcept { cuts_ = answers; }
    [[nodiscard]] int cuts_left() const noexcept { return cuts_; }
    /// Drops all data without closing any connection.
    void freeze(bool frozen) noexcept { frozen_ = frozen; }
    /// The same for the existing connections, permanently.
    void freeze_present_connections() noexcept { ++freezes_; }
    /// The same for new connections.
    void freeze_new_connections(bool frozen) noexcept { freezes_new_ = frozen; }
    /// Cuts all connections.
    void cut_all() noexcept { ++epoch_; }
    /// Refuses new connections at once, by closing them.
    void refuse(bool refusing) noexcept { refusing_ = refusing; }

  private:
    void accept();
    void serve(int client);

    int server_port_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> frozen_{false};
    std::atomic<bool> refusing_{false};
    std::atomic<int> cuts_{0};
    std::atomic<int> epoch_{0};
    std::atomic<int> freezes_{0};
    std::atomic<bool> freezes_new_{false};
    std::atomic<std::int64_t> requests_{0};
    std::atomic<std::int64_t> rows_{0};
    std::atomic<std::int64_t> connections_{0};
    std::atomic<std::int64_t> open_{0};
    std::mutex mutex_;
    std::condition_variable ended_;  // a connection
    std::thread accepting_;
};

}  // namespace pharox::postgres
