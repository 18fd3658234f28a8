// The command that `pharox run` executes in the tests. "proxy_user
// hold LOG MILLISECONDS" appends "start NS URL PID" to LOG, holds a
// lock on LOG.alive during its lifetime, and appends "end NS URL
// PID" after that time (0: waits for a signal). "proxy_user
// signals" prints the signals that were blocked and ignored at its
// start.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace {

/// One write, so that lines of several processes do not mix.
void append(const std::string& file, std::string_view event) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const char* url = std::getenv("PHAROX_PROXY_URL");
    const std::string line =
        std::string(event) + " " +
        std::to_string(static_cast<long long>(now.tv_sec) * 1'000'000'000LL + now.tv_nsec) + " " +
        (url != nullptr ? url : "none") + " " + std::to_string(::getpid()) + "\n";
    const int log = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0 || ::write(log, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::exit(99);
    ::close(log);
}

int hold(const std::string& file, int milliseconds) {
    const int alive = ::open((file + ".alive").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ::flock(alive, LOCK_SH);
    append(file, "start");
    if (milliseconds == 0)
        for (;;) ::pause();
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));  // simulated work
    append(file, "end");
    return 0;
}

int print_signals() {
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    for (int signal = 1; signal < 32; ++signal) {
        struct sigaction action{};
        ::sigaction(signal, nullptr, &action);
        if (sigismember(&blocked, signal) == 1) std::cout << signal << " blocked\n";
        if (action.sa_handler == SIG_IGN) std::cout << signal << " ignored\n";
    }
    std::cout << "done\n";
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode == "hold" && argc == 4) return hold(argv[2], std::atoi(argv[3]));
    if (mode == "signals") return print_signals();
    return 98;
}
