// Any number of concurrent commands keeps a proxy's limit.
#include <algorithm>
#include <map>
#include <sstream>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class LimitTest : public PharoxTest {};

struct Event {
    long long at;
    bool start;
    std::string proxy;
};

/// The log of the commands, by the clock that they share.
std::vector<Event> read_events(const std::string& log) {
    std::vector<Event> events;
    std::istringstream lines(log);
    for (std::string kind, proxy, at, process; lines >> kind >> at >> proxy >> process;)
        events.push_back({.at = std::stoll(at), .start = kind == "start", .proxy = proxy});
    // Of events with one timestamp, ends come first: that lease ended after its event, and the next began
    // before its event.
    std::ranges::sort(events, [](const Event& left, const Event& right) {
        return left.at != right.at ? left.at < right.at : left.start < right.start;
    });
    return events;
}

TEST_F(LimitTest, FiftyConcurrentRunsKeepTheLimit) {
    constexpr int runs = 50;
    constexpr int limit = 2;
    import("latam", "192.0.2.1:1\n192.0.2.2:2\n192.0.2.3:3\n", {"--max-concurrency", std::to_string(limit)});
    std::vector<Process> running;
    for (int run = 0; run < runs; ++run) {
        running.emplace_back(command({"run", "--pool", "latam", "--wait", "5m", "--", PROXY_USER_PROGRAM,
                                      "hold", home_.file("log"), "100"}));
    }
    for (Process& process : running) {
        const Finished done = watched(process.wait());
        EXPECT_EQ(done.status, 0) << done.errors;
    }
    const std::vector<Event> events = read_events(home_.read("log"));
    ASSERT_EQ(events.size(), std::size_t{2} * runs);
    std::map<std::string, int> using_it;
    std::map<std::string, int> most;
    for (const Event& event : events) {
        using_it[event.proxy] += event.start ? 1 : -1;
        most[event.proxy] = std::max(most[event.proxy], using_it[event.proxy]);
    }
    EXPECT_EQ(most.size(), 3U) << "all proxies are used";
    for (const auto& [proxy, count] : most) EXPECT_LE(count, limit) << proxy;
    EXPECT_EQ(leases_of("latam"), 0);
}

}  // namespace
}  // namespace pharox::test
