#include "terminal.hpp"

#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

namespace pharox::cli {
namespace {

std::string_view variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

std::size_t size_in(const char* name, std::size_t otherwise) {
    const std::string_view text = variable(name);
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : otherwise;
}

sigset_t only(int signal) {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

}  // namespace

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb"; }

bool output_has_colours() { return output_is_terminal() && variable("NO_COLOR").empty(); }

TerminalSize terminal_size() {
    winsize size{};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    const TerminalSize standard;
    return {.columns = size.ws_col > 0 ? size.ws_col : size_in("COLUMNS", standard.columns),
            .rows = size.ws_row > 0 ? size.ws_row : size_in("LINES", standard.rows)};
}

std::string frame(const std::string& text, std::size_t rows) {
    std::vector<std::string_view> lines;
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        lines.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    // The cursor rests on the row below the last line.
    const std::size_t most = rows > 2 ? rows - 1 : 2;
    std::string more;
    if (lines.size() > most) {
        more = "... " + std::to_string(lines.size() - (most - 1)) + " more";
        lines.resize(most - 1);
        lines.emplace_back(more);
    }
    std::string printed = "\x1b[H";
    for (const std::string_view line : lines) printed.append(line).append("\x1b[K\n");
    return printed + "\x1b[J";
}

Screen::Screen() {
    const sigset_t resized = only(SIGWINCH);
    ::pthread_sigmask(SIG_BLOCK, &resized, nullptr);
}

Screen::~Screen() {
    const sigset_t resized = only(SIGWINCH);
    ::pthread_sigmask(SIG_UNBLOCK, &resized, nullptr);
}

void Screen::draw(const std::string& text) {
    if (std::exchange(clear_, false)) std::cout << "\x1b[2J";
    std::cout << frame(text, terminal_size().rows);
}

bool Screen::wait(Duration time) {
    const sigset_t resized = only(SIGWINCH);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    timespec left{};
    left.tv_sec = seconds.count();
    left.tv_nsec = std::chrono::nanoseconds(time - seconds).count();
    clear_ = ::sigtimedwait(&resized, nullptr, &left) == SIGWINCH;
    return clear_;
}

}  // namespace pharox::cli
