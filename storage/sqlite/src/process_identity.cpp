#include "process_identity.hpp"

#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace pharox::sqlite {

namespace {

std::string first_line(const std::string& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string pid_namespace() {
    std::array<char, 64> text{};
    const auto size = ::readlink("/proc/self/ns/pid", text.data(), text.size());
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

/// In ticks since the boot; empty if there is no such process. See proc(5), `starttime`.
std::string start_time(const std::string& pid) {
    const std::string stat = first_line("/proc/" + pid + "/stat");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream fields(stat.substr(name_end + 1));
    const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
    constexpr std::size_t starttime = 22 - 3;  // the first word is field 3, the state
    if (words.size() <= starttime || words[0] == "Z" || words[0] == "X") return {};
    return words[starttime];
}

std::string identity_of(const std::string& pid) {
    return boot_id() + ' ' + pid_namespace() + ' ' + pid + ' ' + start_time(pid);
}

}  // namespace

const std::string& boot_id() {
    static const std::string id = first_line("/proc/sys/kernel/random/boot_id");
    return id;
}

std::string this_process() { return identity_of(std::to_string(::getpid())); }

bool has_ended(const std::string& process) {
    std::istringstream text(process);
    std::string boot;
    std::string space;
    std::string pid;
    text >> boot >> space >> pid;
    if (boot != boot_id()) return true;
    return space == pid_namespace() && identity_of(pid) != process;
}

}  // namespace pharox::sqlite
