#include "descendants.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>

namespace pharox::cli {
namespace {

namespace fs = std::filesystem;

std::optional<pid_t> number(std::string_view text) {
    pid_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Calls `visit(id, folder)` for each process.
void for_each_process(const auto& visit) {
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error))
        if (const auto id = number(at->path().filename().native())) visit(*id, at->path());
}

/// The fourth field of /proc/ID/stat. The second, the program's name, may hold anything in its parentheses.
std::optional<pid_t> parent_of(const fs::path& folder) {
    const std::string stat = content(folder / "stat");
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string::npos || stat.size() < name_end + 4) return std::nullopt;
    const std::string_view rest = std::string_view(stat).substr(name_end + 4);  // behind the state
    return number(rest.substr(0, rest.find(' ')));
}

}  // namespace

std::vector<pid_t> descendants() {
    std::multimap<pid_t, pid_t> children;
    for_each_process([&](pid_t id, const fs::path& folder) {
        if (const auto parent = parent_of(folder)) children.emplace(*parent, id);
    });
    std::vector<pid_t> found{::getpid()};
    for (std::size_t at = 0; at < found.size(); ++at) {
        const auto [begin, end] = children.equal_range(found[at]);
        for (auto child = begin; child != end; ++child) found.push_back(child->second);
    }
    found.erase(found.begin());
    return found;
}

std::vector<pid_t> processes_with(const std::string& entry) {
    std::vector<pid_t> found;
    const std::string wanted = '\0' + entry + '\0';
    for_each_process([&](pid_t id, const fs::path& folder) {
        const std::string environment = '\0' + content(folder / "environ");
        if (id != ::getpid() && environment.find(wanted) != std::string::npos) found.push_back(id);
    });
    return found;
}

}  // namespace pharox::cli
