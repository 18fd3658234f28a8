#include "clients/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

namespace pharox::testkit {

namespace {

struct Pipe {
    int read = -1;
    int write = -1;
    Pipe() {
        int ends[2];
        if (pipe(ends) != 0) {
            throw std::system_error(errno, std::generic_category(), "pipe");
        }
        read = ends[0];
        write = ends[1];
    }
    ~Pipe() {
        close_read();
        close_write();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close_read() { close_end(read); }
    void close_write() { close_end(write); }

  private:
    static void close_end(int& end) {
        if (end >= 0) {
            close(end);
            end = -1;
        }
    }
};

void write_all(int to, const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const auto written = write(to, text.data() + done, text.size() - done);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            _exit(3);  // the parent is gone
        }
        done += static_cast<std::size_t>(written);
    }
}

int fork_child() {
    std::fflush(nullptr);
    const int pid = fork();
    if (pid < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    return pid;
}

void before_fork(Context& context) {
    if (context.properties().durable) {
        context.close();
    }
}

std::string content(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

[[noreturn]] void live(int number, const std::filesystem::path& file, const Ready& ready,
                       const std::function<std::string(int, const Ready&)>& work) {
    std::string said;
    int code = 0;
    try {
        said = work(number, ready);
    } catch (const std::exception& error) {
        said = error.what();
        code = 1;
    } catch (...) {
        said = "threw what is no exception";
        code = 1;
    }
    std::ofstream out(file, std::ios::binary);
    out << said;
    out.close();
    _exit(out ? code : 2);  // no destructors, no leak check: what the parent set up is the parent's
}

struct Child {
    int pid = -1;
    std::filesystem::path file;
    bool running = true;
    int status = 0;
};

/// Whether any child is still running. Reaps those that are not.
bool reap(std::vector<Child>& children) {
    bool running = false;
    for (auto& child : children) {
        if (child.running && waitpid(child.pid, &child.status, WNOHANG) == child.pid) {
            child.running = false;
        }
        running = running || child.running;
    }
    return running;
}

std::size_t count_running(const std::vector<Child>& children) {
    std::size_t running = 0;
    for (const auto& child : children) {
        running += child.running ? 1 : 0;
    }
    return running;
}

}  // namespace

std::vector<std::string> in_processes(Context& context, int count,
                                      const std::function<std::string(int, const Ready&)>& work,
                                      std::chrono::seconds limit) {
    before_fork(context);
    const Folder files;
    Pipe here;
    Pipe go;
    std::vector<Child> children;
    for (int i = 0; i < count; ++i) {
        Child child;
        child.file = files.path() / std::to_string(i);
        child.pid = fork_child();
        if (child.pid == 0) {
            go.close_write();
            live(
                i, child.file,
                [&] {
                    write_all(here.write, ".");
                    char byte = 0;
                    while (read(go.read, &byte, 1) < 0 && errno == EINTR) {
                    }
                },
                work);
        }
        children.push_back(child);
    }
    const auto deadline = std::chrono::steady_clock::now() + limit;
    fcntl(here.read, F_SETFL, O_NONBLOCK);
    std::size_t arrived = 0;
    while (reap(children) && std::chrono::steady_clock::now() < deadline) {
        char byte = 0;
        while (go.write >= 0 && read(here.read, &byte, 1) == 1) {
            ++arrived;
        }
        // A child that ended before it was ready is not waited for: its failure is reported below.
        if (go.write >= 0 && arrived >= count_running(children)) {
            go.close_write();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::vector<std::string> said;
    for (std::size_t i = 0; i < children.size(); ++i) {
        auto& child = children[i];
        if (child.running) {
            kill(child.pid, SIGKILL);
            waitpid(child.pid, &child.status, 0);
            ADD_FAILURE() << "process " << i << " did not end within " << limit.count()
                          << " s and was killed";
        } else if (!WIFEXITED(child.status)) {
            ADD_FAILURE() << "process " << i << " died of signal " << WTERMSIG(child.status);
        } else if (WEXITSTATUS(child.status) != 0) {
            ADD_FAILURE() << "process " << i << " ended with " << WEXITSTATUS(child.status) << ": "
                          << content(child.file);
        }
        said.push_back(content(child.file));
    }
    return said;
}

Victim::Victim(Context& context, const std::function<void(const Say&)>& work) {
    before_fork(context);
    Pipe lines;
    pid_ = fork_child();
    if (pid_ == 0) {
        lines.close_read();
        try {
            work([&](const std::string& line) { write_all(lines.write, line + "\n"); });
        } catch (const std::exception& error) {
            write_all(lines.write, std::string("threw ") + error.what() + "\n");
        }
        while (true) {
            pause();  // it dies by the parent's hand alone
        }
    }
    said_ = lines.read;
    lines.read = -1;
}

Victim::~Victim() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (said_ >= 0) {
        close(said_);
    }
}

std::vector<std::string> Victim::kill_after(std::size_t lines) {
    std::string text;
    std::size_t count = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    bool killed = false;
    while (true) {
        pollfd said{.fd = said_, .events = POLLIN, .revents = 0};
        if (!killed && poll(&said, 1, 100) == 0) {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << "the process said only " << count << " of " << lines << " lines";
                lines = 0;
            }
        } else {
            char buffer[4096];
            const auto size = read(said_, buffer, sizeof buffer);
            if (size < 0 && errno == EINTR) {
                continue;
            }
            if (size <= 0) {
                break;
            }
            text.append(buffer, static_cast<std::size_t>(size));
        }
        count = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        if (!killed && count >= lines) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
            killed = true;  // and read what is still in the pipe
        }
    }
    std::vector<std::string> said;
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
        said.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return said;
}

}  // namespace pharox::testkit
