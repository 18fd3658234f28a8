#include "process.hpp"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "eventually.hpp"

namespace pharox::test {
namespace {

int memory_file(const std::string& content = {}) {
    const int descriptor = ::memfd_create("stream", MFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    for (std::size_t at = 0; at < content.size();) {
        const ssize_t wrote = ::write(descriptor, content.data() + at, content.size() - at);
        if (wrote <= 0) throw std::system_error(errno, std::generic_category(), "write");
        at += static_cast<std::size_t>(wrote);
    }
    ::lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

Process::Process(const ProcessOptions& options) : arguments_(options.arguments), group_(options.own_group) {
    std::vector<std::string> arguments = options.arguments;
    std::vector<std::string> variables;
    for (const auto& [name, value] : options.environment)
        variables.emplace_back(name).append("=").append(value);
    const auto argument_pointers = pointers(arguments);
    const auto variable_pointers = pointers(variables);
    const int input = memory_file(options.input);
    output_ = memory_file();
    errors_ = memory_file();
    const std::array<int, 3> streams = options.terminal >= 0
                                           ? std::array{options.terminal, options.terminal, options.terminal}
                                           : std::array{input, output_, errors_};
    id_ = ::fork();
    if (id_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (options.own_group) ::setpgid(0, 0);
        if (options.terminal >= 0) {
            ::setsid();
            ::ioctl(options.terminal, TIOCSCTTY, 0);
        }
        for (int stream = 0; stream < 3; ++stream) ::dup2(streams[static_cast<std::size_t>(stream)], stream);
        ::execvpe(argument_pointers.front(), argument_pointers.data(), variable_pointers.data());
        ::_exit(127);
    }
    const int error = errno;
    ::close(input);
    if (id_ < 0) throw std::system_error(error, std::generic_category(), "fork");
    if (options.own_group) ::setpgid(id_, id_);  // both processes call it; the later call fails harmlessly
}

Process::Process(Process&& other) noexcept
    : arguments_(std::move(other.arguments_)),
      id_(std::exchange(other.id_, -1)),
      output_(std::exchange(other.output_, -1)),
      errors_(std::exchange(other.errors_, -1)),
      group_(other.group_),
      stopped_(other.stopped_),
      wait_status_(other.wait_status_) {}

Process::~Process() {
    if (id_ > 0) {
        if (!wait_status_) ::kill(group_ ? -id_ : id_, SIGKILL);
        if (!wait_status_) ::waitpid(id_, nullptr, 0);
    }
    if (output_ >= 0) ::close(output_);
    if (errors_ >= 0) ::close(errors_);
}

void Process::send(int signal) const { ::kill(group_ ? -id_ : id_, signal); }

void Process::take_status(int options) {
    int status = 0;
    while (!wait_status_ && ::waitpid(id_, &status, options | WUNTRACED) == id_) {
        if (WIFSTOPPED(status)) {
            stopped_ = true;
        } else {
            wait_status_ = status;
        }
    }
}

bool Process::ended() {
    take_status(WNOHANG);
    return wait_status_.has_value();
}

bool Process::stopped() {
    take_status(WNOHANG);
    return std::exchange(stopped_, false);
}

std::string Process::read_all(int descriptor) {
    std::string text;
    std::array<char, 4096> block{};
    for (off_t at = 0;;) {
        const ssize_t got = ::pread(descriptor, block.data(), block.size(), at);
        if (got <= 0) return text;
        text.append(block.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

Finished Process::wait() {
    if (!eventually([this] { return ended(); }, 2 * std::chrono::milliseconds(patience))) {
        ::kill(group_ ? -id_ : id_, SIGKILL);
        take_status(0);
        throw std::runtime_error("a process did not end in time; it said: " + read_all(output_) +
                                 read_all(errors_));
    }
    const int status = *wait_status_;
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .by_signal = WIFSIGNALED(status),
            .output = read_all(output_),
            .errors = read_all(errors_),
            .arguments = arguments_};
}

Finished run_process(const ProcessOptions& options) { return Process(options).wait(); }

}  // namespace pharox::test
