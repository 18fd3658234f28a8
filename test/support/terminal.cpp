#include "terminal.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "eventually.hpp"

namespace pharox::test {

TerminalProcess::TerminalProcess(const ProcessOptions& options) {
    std::vector<std::string> arguments = options.arguments;
    std::vector<std::string> variables;
    for (const auto& [name, value] : options.environment)
        variables.emplace_back(name).append("=").append(value);
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (std::string& text : texts) result.push_back(text.data());
        result.push_back(nullptr);
        return result;
    };
    const auto argument_pointers = pointers(arguments);
    const auto variable_pointers = pointers(variables);
    const pid_t parent = ::getpid();
    id_ = ::forkpty(&master_, nullptr, nullptr, nullptr);
    if (id_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent)
            ::execvpe(argument_pointers.front(), argument_pointers.data(), variable_pointers.data());
        ::_exit(127);
    }
    if (id_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
    ::fcntl(master_, F_SETFD, FD_CLOEXEC);
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
}

TerminalProcess::~TerminalProcess() {
    if (!ended()) {
        ::kill(id_, SIGKILL);
        ::waitpid(id_, nullptr, 0);
    }
    close_terminal();
}

void TerminalProcess::resize(unsigned short columns, unsigned short rows) const {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    if (::ioctl(master_, TIOCSWINSZ, &size) != 0)
        throw std::system_error(errno, std::generic_category(), "TIOCSWINSZ");
}

void TerminalProcess::send(int signal) const { ::kill(id_, signal); }

void TerminalProcess::type(const std::string& keys) const {
    if (::write(master_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
        throw std::system_error(errno, std::generic_category(), "write to a terminal");
}

void TerminalProcess::close_terminal() {
    if (master_ >= 0) ::close(std::exchange(master_, -1));
}

pid_t TerminalProcess::foreground_group() const { return ::tcgetpgrp(master_); }

termios TerminalProcess::modes() const {
    termios modes{};
    if (::tcgetattr(master_, &modes) != 0)
        throw std::system_error(errno, std::generic_category(), "tcgetattr");
    return modes;
}

std::string TerminalProcess::output() {
    std::array<char, 4096> block{};
    for (ssize_t got = 0; (got = ::read(master_, block.data(), block.size())) > 0;)
        output_.append(block.data(), static_cast<std::size_t>(got));
    return output_;
}

bool TerminalProcess::ended() {
    int status = 0;
    output();  // a full terminal would block the program
    if (!status_ && ::waitpid(id_, &status, WNOHANG) == id_)
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_.has_value();
}

int TerminalProcess::wait() {
    if (!eventually([this] { return ended(); }))
        throw std::runtime_error("a program on a terminal did not end in time; it said: " + output_);
    return *status_;
}

}  // namespace pharox::test
