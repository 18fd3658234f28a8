#include "lease_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>

#include "output.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

using Steady = std::chrono::steady_clock;

/// Where nothing matches, somebody may activate or import a proxy.
bool time_heals(Miss miss) {
    return miss == Miss::none_available || miss == Miss::nothing_matches || miss == Miss::all_busy ||
           miss == Miss::all_cooling || miss == Miss::session_busy;
}

std::string_view explain(Miss miss) {
    switch (miss) {
        case Miss::nothing_matches:
            return "no active proxy fits";
        case Miss::all_busy:
            return "every proxy that fits is in use";
        case Miss::all_cooling:
            return "every proxy that fits is cooling down";
        case Miss::session_busy:
            return "the session's proxy is in use";
        case Miss::lease_ended:
            return "the lease has ended";
        case Miss::queue_full:
            return "too many wait already";
        case Miss::cancelled:
            return "the wait was cancelled";
        case Miss::none_available:
        case Miss::pool_unknown:
            break;
    }
    return "none is available now";
}

}  // namespace

void LeaseOptions::declare(CLI::App& command) {
    command.add_option("-p,--pool", pool_, "The pool to lease from")->required();
    command.add_option("--duration", duration_, "How long the lease lasts: 250ms, 90s, 5m, 1h, 2d")
        ->capture_default_str();
    command.add_option("--wait", wait_, "How long to wait for a proxy before giving up")
        ->capture_default_str();
    command
        .add_option("--selector", selector_,
                    "first_available, round_robin, least_used, lowest_latency, random or weighted_random")
        ->capture_default_str();
    command.add_option("--consumer", consumer_, "Who is asking; registered if new")->default_str("default");
    filters_.declare(command);
}

AcquireRequest LeaseOptions::request() const {
    AcquireRequest request{.pool = pool_,
                           .consumer = consumer_,
                           .duration = parse_duration(duration_, "duration"),
                           .filters = filters_.filters(),
                           .selector = parse_selector(selector_),
                           .lease_id = LeaseId::make()};
    validate(request);
    return request;
}

Duration LeaseOptions::wait() const { return parse_duration(wait_, "wait"); }

std::optional<Miss> attempt_until(const std::function<std::optional<Miss>()>& attempt, Duration wait,
                                  const std::function<bool(Duration)>& pause) {
    constexpr Duration shortest = std::chrono::milliseconds(25);
    constexpr Duration longest = std::chrono::milliseconds(400);
    // A caller who does not wait still gets a repeat or two after an error that is worth one.
    const auto deadline = Steady::now() + std::max(wait, Duration(0));
    const auto error_deadline = std::max(deadline, Steady::now() + std::chrono::seconds(1));
    std::mt19937 random(std::random_device{}());
    for (Duration step = shortest;; step = std::min(step * 2, longest)) {
        std::optional<Miss> miss;
        Duration least{0};
        try {
            miss = attempt();
            if (!miss || !time_heals(*miss) || Steady::now() >= deadline) return miss;
        } catch (const StorageError& error) {
            if (!error.retryable() || Steady::now() >= error_deadline) throw;
            least = error.backoff();
        }
        // Whoever missed together must not come back together.
        std::uniform_int_distribution<Duration::rep> jitter(step.count() / 2, step.count());
        const auto left = std::chrono::ceil<Duration>((miss ? deadline : error_deadline) - Steady::now());
        if (!pause(std::clamp(std::max(Duration(jitter(random)), least), Duration(1),
                              std::max(left, Duration(1)))))
            return miss.value_or(Miss::none_available);
    }
}

void report_miss(Session& session, const std::string& pool, Miss miss) {
    if (session.json) std::cout << Json::object({{"miss", to_string(miss)}, {"pool", pool}}).dump() << '\n';
    if (miss == Miss::pool_unknown) {
        complain(session.unknown_pool_text(pool));
    } else {
        complain("no proxy available in pool \"" + pool + "\": " + std::string(explain(miss)));
    }
}

}  // namespace pharox::cli
