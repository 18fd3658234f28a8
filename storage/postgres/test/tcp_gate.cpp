#include "tcp_gate.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace pharox::postgres {

namespace {

constexpr int tick_ms = 5;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

void send_all(int to, const char* data, std::size_t size) {
    while (size > 0) {
        const auto sent = ::send(to, data, size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

/// Counts the messages of one direction: a type, then a length that counts itself.
class Messages {
  public:
    /// The client's first message has no type.
    explicit Messages(bool first_is_untyped) : untyped_(first_is_untyped) {}

    template <class Seen>
    void add(const char* data, std::size_t size, Seen seen) {
        buffer_.append(data, size);
        for (;;) {
            const std::size_t head = untyped_ ? 4 : 5;
            if (buffer_.size() < head) return;
            std::uint32_t length = 0;
            for (std::size_t i = head - 4; i < head; ++i) {
                length = length << 8 | static_cast<unsigned char>(buffer_[i]);
            }
            const std::size_t whole = length + (untyped_ ? 0 : 1);
            if (buffer_.size() < whole) return;
            if (!untyped_) seen(buffer_[0]);
            untyped_ = false;
            buffer_.erase(0, whole);
        }
    }

  private:
    bool untyped_;
    std::string buffer_;
};

}  // namespace

TcpGate::TcpGate(int server_port) : server_port_(server_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 200) != 0 ||
        ::getsockname(listener_, any, &size) != 0) {
        throw std::runtime_error("the gate cannot listen");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept(); });
}

TcpGate::~TcpGate() {
    stopping_ = true;
    accepting_.join();
    ::close(listener_);
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return open_ == 0; });
}

void TcpGate::accept() {
    while (!stopping_) {
        pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, tick_ms) != 1) continue;
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        ++connections_;
        if (refusing_) {
            ::close(client);
            continue;
        }
        ++open_;
        std::thread([this, client] { serve(client); }).detach();
    }
}

void TcpGate::serve(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    const int epoch = epoch_;
    const int freezes = freezes_new_ ? -1 : freezes_.load();
    const int at_once = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    bool going =
        server >= 0 && ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    Messages asked(true);
    Messages answered(false);
    bool cut_this = false;
    char buffer[65536];
    while (going && !stopping_ && epoch == epoch_) {
        pollfd both[2] = {{.fd = client, .events = POLLIN, .revents = 0},
                          {.fd = server, .events = POLLIN, .revents = 0}};
        if (frozen_ || freezes != freezes_) {
            ::poll(nullptr, 0, tick_ms);
            continue;
        }
        if (::poll(both, 2, tick_ms) <= 0) continue;
        if (both[0].revents != 0) {
            const auto size = ::recv(client, buffer, sizeof buffer, 0);
            if (size <= 0) break;
            asked.add(buffer, static_cast<std::size_t>(size), [&](char type) {
                if (type != 'S' && type != 'Q') return;
                ++requests_;
                int left = cuts_;
                while (left > 0 && !cuts_.compare_exchange_weak(left, left - 1)) {
                }
                cut_this = cut_this || left > 0;
            });
            send_all(server, buffer, static_cast<std::size_t>(size));
        }
        if (both[1].revents != 0) {
            const auto size = ::recv(server, buffer, sizeof buffer, 0);
            if (size <= 0) break;
            bool ready = false;
            answered.add(buffer, static_cast<std::size_t>(size), [&](char type) {
                rows_ += type == 'D' ? 1 : 0;
                ready = ready || type == 'Z';
            });
            if (cut_this) {
                going = !ready;  // the whole answer is here: it is committed
            } else {
                send_all(client, buffer, static_cast<std::size_t>(size));
            }
        }
    }
    ::close(client);
    ::close(server);
    const std::lock_guard lock(mutex_);
    --open_;
    ended_.notify_all();
}

}  // namespace pharox::postgres
