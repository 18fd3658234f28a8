#include "origin_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace pharox::test {

OriginServer::OriginServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, size) != 0 || ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, generic, &size) != 0)
        throw std::system_error(errno, std::generic_category(), "origin server");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

OriginServer::~OriginServer() {
    ::eventfd_write(stop_, 1);
    thread_.join();
    ::close(listener_);
    ::close(stop_);
}

std::vector<std::string> OriginServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void OriginServer::serve() {
    for (;;) {
        std::array<pollfd, 2> wanted{pollfd{.fd = listener_, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = stop_, .events = POLLIN, .revents = 0}};
        ::poll(wanted.data(), wanted.size(), -1);
        if (wanted[1].revents != 0) return;
        if (wanted[0].revents == 0) continue;
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) continue;
        answer(connection);
        ::close(connection);
    }
}

void OriginServer::answer(int connection) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};  // a silent client must not block the others
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string head;
    std::array<char, 4096> block{};
    while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::read(connection, block.data(), block.size());
        if (got <= 0) return;
        head.append(block.data(), static_cast<std::size_t>(got));
    }
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(head);
    }
    const std::string text = body;
    const std::string response =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
        std::to_string(text.size()) + "\r\n\r\n" + text;
    ::send(connection, response.data(), response.size(), MSG_NOSIGNAL);
}

}  // namespace pharox::test
