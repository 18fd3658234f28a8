#include "history.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "pharox/storage/lease_control.hpp"

namespace pharox::postgres {

std::int64_t wall_clock() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string to_text(char what, const Lease& lease) {
    std::ostringstream line;
    line << what << ' ' << lease.id << ' ' << lease.proxy_id << ' ' << wall_clock() << ' '
         << lease.expires_at.time_since_epoch().count() << " .\n";
    return line.str();
}

std::vector<Line> read_lines(const std::filesystem::path& file) {
    std::vector<Line> lines;
    std::ifstream in(file);
    for (std::string text; std::getline(in, text);) {
        std::istringstream words(text);
        Line line;
        std::string end;
        if (!(words >> line.what >> line.lease)) continue;
        if (line.what != '?') words >> line.proxy >> line.time >> line.expires;
        if (words >> end && end == ".") lines.push_back(std::move(line));
    }
    return lines;
}

void History::add(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
        if (line.what == '?') continue;
        Hold& hold = holds_[line.lease];
        hold.proxy = line.proxy;
        switch (line.what) {
            case '+':
                ++hold.granted;
                hold.from = std::min(hold.from, line.time);
                [[fallthrough]];
            case '=':
                hold.expires = std::max(hold.expires, line.expires);
                break;
            case '-':
                hold.to = std::min(hold.to, line.time);
                break;
            case '!':
                hold.released = true;
                break;
            default:
                break;
        }
    }
}

std::vector<std::string> History::over_leases(int most) const {
    std::vector<std::string> faults;
    std::map<std::string, std::vector<std::pair<std::int64_t, int>>> steps;  // what is given back goes first
    for (const auto& [lease, hold] : holds_) {
        if (hold.granted > 1)
            faults.push_back(lease + " was granted " + std::to_string(hold.granted) + " times");
        const std::int64_t to = std::min(hold.to, hold.expires);
        if (hold.from >= to) continue;
        steps[hold.proxy].emplace_back(hold.from, 1);
        steps[hold.proxy].emplace_back(to, -1);
    }
    for (auto& [proxy, changes] : steps) {
        std::sort(changes.begin(), changes.end());
        int in_use = 0;
        for (const auto& [at, change] : changes) {
            in_use += change;
            if (in_use > most) {
                faults.push_back(proxy + " was in " + std::to_string(in_use) + " hands at " +
                                 std::to_string(at));
            }
        }
    }
    return faults;
}

std::vector<std::string> History::lost(IStorage& store) const {
    std::vector<std::string> faults;
    for (const auto& [id, hold] : holds_) {
        const std::int64_t before = wall_clock();
        const auto stored = store.lease_control()->get_lease({.lease_id = LeaseId::parse(id)});
        if (!stored) {
            faults.push_back(id + " is not known");
            continue;
        }
        if (stored->proxy_id.to_string() != hold.proxy) faults.push_back(id + " is of another proxy");
        if (stored->expires_at.time_since_epoch().count() < hold.expires)
            faults.push_back(id + " expires too early");
        const bool ended = stored->status == LeaseStatus::released;
        if (hold.released && !ended) faults.push_back(id + " was released and is active");
        if (hold.to == open && ended) {
            const bool in_time =
                stored->release_reason == ReleaseReason::expired && hold.expires <= wall_clock();
            if (!in_time) faults.push_back(id + " has ended, and no call ended it");
        }
        if (!ended && hold.expires < before && stored->expires_at.time_since_epoch().count() < before) {
            faults.push_back(id + " is active after its time");
        }
    }
    return faults;
}

}  // namespace pharox::postgres
