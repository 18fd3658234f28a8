// pharox stats
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <thread>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct StatsOptions {
    std::string pool;
    bool watch = false;
    std::string interval = "2s";
};

std::vector<PoolStatsSnapshot> collect(Session& session, const std::string& only) {
    std::vector<PoolStatsSnapshot> all;
    if (!only.empty()) {
        auto stats = session.storage().get_pool_stats({.pool = only});
        if (!stats) throw PoolNotFoundError(only);
        all.push_back(*std::move(stats));
        return all;
    }
    for (const ProxyPool& pool : session.pools()) {
        if (auto stats =
                session.storage().get_pool_stats({.pool = pool.name}))  // else it has just been removed
            all.push_back(*std::move(stats));
    }
    return all;
}

void print_table(const std::vector<PoolStatsSnapshot>& pools) {
    constexpr auto right = Table::Align::right;
    Table table({{.title = "POOL"},
                 {.title = "PROXIES", .align = right},
                 {.title = "ACTIVE", .align = right},
                 {.title = "AVAILABLE", .align = right},
                 {.title = "LEASES", .align = right}});
    for (const PoolStatsSnapshot& stats : pools) {
        table.add_row({stats.pool_name, with_thousands(stats.total_proxies),
                       with_thousands(stats.active_proxies), with_thousands(stats.available_proxies),
                       with_thousands(stats.total_leases)});
    }
    table.print(std::cout);
}

/// One line, so that a watcher can read one document a line.
void print_json(const std::vector<PoolStatsSnapshot>& pools) {
    Json list = Json::array();
    for (const PoolStatsSnapshot& stats : pools) list = list.with_element(to_json(stats));
    std::cout << Json::object({{"pools", list}}).dump() << '\n';
}

int show_stats(Session& session, const StatsOptions& options) {
    const Duration interval = parse_duration(options.interval, "interval");
    if (interval < std::chrono::milliseconds(100))
        throw ValidationError("interval", options.interval, "is below 100ms");
    const bool redraw = options.watch && !session.json && ::isatty(STDOUT_FILENO) == 1;
    for (;;) {
        const auto pools = collect(session, options.pool);
        if (redraw) std::cout << "\x1b[H\x1b[2J";
        session.json ? print_json(pools) : print_table(pools);
        if (!options.watch || !std::cout.flush()) return exit_code::success;
        std::this_thread::sleep_for(interval);
    }
}

}  // namespace

void add_stats_command(CLI::App& app, Session& session) {
    CLI::App* stats = app.add_subcommand("stats", "Show how full the pools are");
    const auto options = std::make_shared<StatsOptions>();
    stats->add_option("-p,--pool", options->pool, "This pool alone");
    stats->add_flag("--watch", options->watch, "Again and again, until interrupted");
    stats->add_option("--interval", options->interval, "Between two looks with --watch")
        ->capture_default_str();
    stats->footer("Example:\n  pharox stats --watch --interval 1s");
    stats->callback([&session, options] {
        session.selected = [&session, options] { return show_stats(session, *options); };
    });
}

}  // namespace pharox::cli
