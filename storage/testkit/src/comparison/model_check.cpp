#include "comparison/model_check.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "comparison/comparison.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

/// How long the search for a shorter history that still fails may take, and how many times as long as the
/// history itself took.
constexpr auto shortest_search = 3s;
constexpr auto longest_search = 120s;
constexpr int replays_in_a_search = 30;
/// Shares of what was tried are checked in histories of this length or more.
constexpr int steps_for_shares = 1'000;

struct Played {
    std::string difference;  ///< empty: none
    std::size_t steps = 0;   ///< the last of them made the difference
    std::string story;
};

Played play(const Properties& properties, std::uint64_t seed, const std::vector<int>& steps) {
    Context context(properties);
    Comparison comparison(context, seed);
    Played played;
    for (const int step : steps) {
        if (!comparison.difference().empty()) {
            break;
        }
        comparison.step(step);
        ++played.steps;
        played.story += "\n  " + std::to_string(step) + ": " + comparison.last();
    }
    played.difference = comparison.difference();
    return played;
}

/// Leaves out steps that the difference does not depend on: halves, quarters … single steps.
std::vector<int> shrunk(const Properties& properties, std::uint64_t seed, std::vector<int> steps,
                        SteadyClock::duration took) {
    const auto deadline =
        SteadyClock::now() +
        std::clamp<SteadyClock::duration>(replays_in_a_search * took, shortest_search, longest_search);
    for (auto size = steps.size() / 2; size > 0; size /= 2) {
        for (std::size_t from = 0; from < steps.size() && SteadyClock::now() < deadline;) {
            auto fewer = steps;
            const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(from);
            fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, steps.size() - from)));
            const auto played = play(properties, seed, fewer);
            if (played.difference.empty()) {
                from += size;
            } else {
                fewer.resize(played.steps);
                steps = std::move(fewer);
            }
        }
    }
    return steps;
}

}  // namespace

bool compare_with_model(const Properties& properties, std::uint64_t seed, int steps) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, "replay with PHAROX_SEED=" + std::to_string(seed));
    const auto start = SteadyClock::now();
    Context context(properties);
    Comparison comparison(context, seed);
    for (int step = 0; step < steps; ++step) {
        comparison.step(step);
        if (!comparison.difference().empty()) {
            std::vector<int> all(static_cast<std::size_t>(step) + 1);
            std::iota(all.begin(), all.end(), 0);
            const auto played =
                play(properties, seed, shrunk(properties, seed, all, SteadyClock::now() - start));
            ADD_FAILURE() << "at step " << step << " of seed " << seed << ": " << comparison.last() << '\n'
                          << comparison.difference() << "\nthe same, shorter:" << played.story << '\n'
                          << played.difference;
            return false;
        }
    }
    if (steps >= steps_for_shares) {
        comparison.expect_enough_was_tried(steps);
    }
    return true;
}

}  // namespace pharox::testkit
