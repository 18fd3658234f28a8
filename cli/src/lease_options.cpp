#include "lease_options.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "output.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

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
            return "too many requests are waiting";
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
    command.add_option("--duration", duration_, "How long the lease lasts: 250ms, 90s, 5m, 1h30m, 2d")
        ->capture_default_str();
    command.add_option("--wait", wait_, "How long to wait for a proxy before giving up")
        ->capture_default_str();
    command
        .add_option("--selector", selector_,
                    "first_available, round_robin, least_used, lowest_latency, random or weighted_random")
        ->capture_default_str();
    command.add_option("--consumer", consumer_, "The name of the consumer; registered if new")
        ->default_str("default");
    filters_.declare(command);
}

AcquireRequest LeaseOptions::request() const {
    AcquireRequest request{.pool = pool_,
                           .consumer = consumer_,
                           .duration = parse_duration(duration_, "duration"),
                           .filters = filters_.filters(),
                           .selector = parse_selector(selector_),
                           .lease_id = LeaseId::make(),
                           .wait = parse_duration(wait_, "wait"),
                           .lease_id_is_new = true};
    validate(request);
    return request;
}

void report_miss(Session& session, const std::string& pool, Miss miss) {
    if (session.json) {
        // The name of no pool may be a misplaced argument with a password.
        const std::string shown = miss == Miss::pool_unknown ? without_password(pool) : pool;
        std::cout << Json::object({{"miss", to_string(miss)}, {"pool", shown}}).dump() << '\n';
    }
    if (miss == Miss::pool_unknown) {
        complain(session.unknown_pool_text(pool));
    } else {
        complain("no proxy available in pool \"" + pool + "\": " + std::string(explain(miss)));
    }
}

}  // namespace pharox::cli
