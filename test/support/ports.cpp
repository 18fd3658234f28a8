#include "ports.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace pharox::test {
namespace {

constexpr int first_port = 20'000;
constexpr int port_count = 10'000;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

template <class Call>
bool with_socket(int port, const Call& call) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return false;
    const sockaddr_in address = loopback(port);
    const bool done = call(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(descriptor);
    return done;
}

bool is_free(int port) {
    return with_socket(port, [](int descriptor, const sockaddr* address, socklen_t size) {
        const int yes = 1;  // as servers set it, so that lingering connections do not count
        ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        return ::bind(descriptor, address, size);
    });
}

}  // namespace

ReservedPort::ReservedPort() {
    const auto folder =
        std::filesystem::temp_directory_path() / ("pharox-test-ports-" + std::to_string(::getuid()));
    std::filesystem::create_directories(folder);
    for (int tried = 0; tried < port_count; ++tried) {
        const int port = first_port + (static_cast<int>(::getpid()) * 7 + tried) % port_count;
        const int lock = ::open((folder / std::to_string(port)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (lock < 0) continue;
        if (::flock(lock, LOCK_EX | LOCK_NB) == 0 && is_free(port)) {
            number_ = port;
            lock_ = lock;
            return;
        }
        ::close(lock);
    }
    throw std::runtime_error("no port is left for a test's server");
}

ReservedPort::~ReservedPort() { ::close(lock_); }

bool accepts_connections(int port) {
    return with_socket(port, [](int descriptor, const sockaddr* address, socklen_t size) {
        return ::connect(descriptor, address, size);
    });
}

}  // namespace pharox::test
