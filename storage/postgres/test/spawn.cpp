#include "spawn.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace pharox::postgres {

namespace {

/// Servers refuse to run as root.
void drop_root() {
    if (::geteuid() != 0) return;
    const passwd* const user = ::getpwnam("postgres");
    if (user == nullptr || ::initgroups("postgres", user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 ||
        ::setuid(user->pw_uid) != 0) {
        ::_exit(126);
    }
}

}  // namespace

int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) throw std::runtime_error("no socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    const bool bound = ::bind(socket, any, size) == 0 && ::getsockname(socket, any, &size) == 0;
    ::close(socket);
    if (!bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

int spawn_as_postgres(const std::vector<std::string>& command, const std::filesystem::path& log) {
    const int parent = ::getpid();
    const int pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid > 0) return pid;
    drop_root();
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // the server's immediate shutdown
    if (::getppid() != parent) ::_exit(125);
    ::setsid();
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int none = ::open("/dev/null", O_RDONLY);
    if (out < 0 || none < 0) ::_exit(126);
    ::dup2(none, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    for (int other = 3; other < 256; ++other) ::close(other);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

}  // namespace pharox::postgres
