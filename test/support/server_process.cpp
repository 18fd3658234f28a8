#include "server_process.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "eventually.hpp"

namespace pharox::test {
namespace {

constexpr const char* system_folders = "/usr/sbin:/sbin:/usr/bin:/bin";

}  // namespace

std::string find_program(const std::string& name, const std::string& package) {
    const char* path = std::getenv("PATH");
    std::istringstream folders((path != nullptr ? std::string(path) + ":" : "") + system_folders);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (std::string file = folder.append("/").append(name); ::access(file.c_str(), X_OK) == 0)
            return file;
    }
    throw std::runtime_error(name + " is not installed: apt-get install " + package);
}

ServerProcess::ServerProcess(const std::vector<std::string>& arguments, int port)
    : process_({.arguments = arguments, .environment = {{"PATH", system_folders}}, .own_group = true}) {
    const bool up = eventually([&] { return process_.ended() || accepts_connections(port); });
    if (process_.ended()) {
        const Finished said = process_.wait();
        throw std::runtime_error(arguments.front() + " ended with " + std::to_string(said.status) + ": " +
                                 said.output + said.errors);
    }
    if (!up) throw std::runtime_error(arguments.front() + " does not listen");
}

ServerProcess::~ServerProcess() {
    process_.send(SIGTERM);
    eventually([this] { return process_.ended(); }, std::chrono::seconds(5));
    process_.send(SIGKILL);  // other processes of its group
}

}  // namespace pharox::test
