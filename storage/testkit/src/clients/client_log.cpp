#include "clients/client_log.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <utility>

namespace pharox::testkit {

std::int64_t monotonic_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::map<ProxyId, int> max_overlap(const std::vector<Use>& uses) {
    std::map<ProxyId, std::vector<std::pair<std::int64_t, int>>> steps;
    for (const auto& use : uses) {
        steps[use.proxy].emplace_back(use.from, +1);
        steps[use.proxy].emplace_back(use.to, -1);  // sorts before a start at the same instant
    }
    std::map<ProxyId, int> most;
    for (auto& [proxy, changes] : steps) {
        std::sort(changes.begin(), changes.end());
        int now = 0;
        for (const auto& [at, change] : changes) {
            now += change;
            most[proxy] = std::max(most[proxy], now);
        }
    }
    return most;
}

int worst_overlap(const std::vector<Use>& uses) {
    int worst = 0;
    for (const auto& [proxy, overlap] : max_overlap(uses)) {
        worst = std::max(worst, overlap);
    }
    return worst;
}

std::string format_uses(const std::vector<Use>& uses) {
    std::ostringstream out;
    for (const auto& use : uses) {
        out << use.proxy << ' ' << use.from << ' ' << use.to << '\n';
    }
    return out.str();
}

std::vector<Use> parse_uses(std::string_view text) {
    std::vector<Use> uses;
    std::istringstream in{std::string(text)};
    std::string proxy;
    Use use;
    while (in >> proxy >> use.from >> use.to) {
        use.proxy = ProxyId::parse(proxy);
        uses.push_back(use);
    }
    return uses;
}

}  // namespace pharox::testkit
