#include "clients/clients.hpp"

#include <chrono>
#include <sstream>
#include <thread>

namespace pharox::testkit {

namespace {

/// Long enough that two holders of one slot overlap.
constexpr std::chrono::microseconds work(50);

}  // namespace

void Experience::add(const Experience& other) {
    uses.insert(uses.end(), other.uses.begin(), other.uses.end());
    misses += other.misses;
    lost += other.lost;
}

Experience acquire_and_release(IStorage& storage, const AcquireRequest& request, int rounds) {
    Experience experience;
    for (int round = 0; round < rounds; ++round) {
        const auto acquired = storage.acquire(request);
        if (!acquired) {
            ++experience.misses;
            continue;
        }
        Use use{.proxy = acquired.proxy().id, .from = monotonic_now()};
        std::this_thread::sleep_for(work);
        use.to = monotonic_now();
        experience.uses.push_back(use);
        const auto& lease = acquired.lease();
        experience.lost +=
            storage.release_lease({.lease_id = lease.id, .pool = lease.pool_name}).released ? 0 : 1;
    }
    return experience;
}

std::string format_experience(const Experience& experience) {
    return std::to_string(experience.misses) + ' ' + std::to_string(experience.lost) + '\n' +
           format_uses(experience.uses);
}

Experience parse_experience(std::string_view text) {
    Experience experience;
    const auto line = text.find('\n');
    if (line != std::string_view::npos) {
        std::istringstream head{std::string(text.substr(0, line))};
        head >> experience.misses >> experience.lost;
        experience.uses = parse_uses(text.substr(line + 1));
    }
    return experience;
}

}  // namespace pharox::testkit
