// Stands between clients and the server: counts what goes through, cuts it, holds it up.
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
    /// Requests that want an answer (Sync and Query messages), and rows that came.
    [[nodiscard]] std::int64_t requests() const noexcept { return requests_; }
    [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::int64_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::int64_t open_connections() const noexcept { return open_; }

    /// The next `answers` answers are swallowed: the server has done its work, and the connection is cut.
    void cut_next_answers(int answers) noexcept { cuts_ = answers; }
    [[nodiscard]] int cuts_left() const noexcept { return cuts_; }
    /// Drops all data without closing any connection.
    void freeze(bool frozen) noexcept { frozen_ = frozen; }
    /// The same for the connections that there are, for ever.
    void freeze_those_that_are() noexcept { ++ice_age_; }
    /// The same for those that come.
    void freeze_those_that_come(bool frozen) noexcept { newcomers_frozen_ = frozen; }
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
    std::atomic<int> ice_age_{0};
    std::atomic<bool> newcomers_frozen_{false};
    std::atomic<std::int64_t> requests_{0};
    std::atomic<std::int64_t> rows_{0};
    std::atomic<std::int64_t> connections_{0};
    std::atomic<std::int64_t> open_{0};
    std::mutex mutex_;
    std::condition_variable ended_;  // a connection
    std::thread accepting_;
};

}  // namespace pharox::postgres
