// pharox stats
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "acquire_rate.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "terminal.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct StatsOptions {
    std::optional<std::string> pool{};
    bool watch = false;
    std::string interval = "2s";
};

/// The statistics that are shown for one pool.
struct PoolRow {
    PoolStatsSnapshot stats;
    std::optional<double> acquire_rate{};  ///< with --watch, from the second sample on
};

std::vector<PoolStatsSnapshot> collect(Session& session, const std::optional<std::string>& only) {
    std::vector<PoolStatsSnapshot> all;
    if (only) {
        validate_text("pool", *only, max_name_bytes);
        auto stats = session.storage().get_pool_stats({.pool = *only});
        if (!stats) throw PoolNotFoundError(*only);
        all.push_back(*std::move(stats));
        return all;
    }
    for (const ProxyPool& pool : session.pools()) {
        if (auto stats = session.storage().get_pool_stats(
                {.pool = pool.name}))  // empty if the pool has just been removed
            all.push_back(*std::move(stats));
    }
    return all;
}

/// The rates of all pools over the samples of one --watch.
class Rates {
  public:
    std::optional<double> sample(Session& session, const PoolStatsSnapshot& stats) {
        ILeaseControl* const leases = session.storage().lease_control();
        return leases == nullptr ? std::nullopt : rates_[stats.pool_name].sample(*leases, stats);
    }

  private:
    std::map<std::string, AcquireRate> rates_;
};

std::string rate_text(const std::optional<double>& rate) {
    if (!rate) return "-";
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", *rate);
    return text.data();
}

Table table_of(const std::vector<PoolRow>& pools, bool with_rates) {
    constexpr auto right = Table::Align::right;
    // AVAILABLE and LEASES are the last to be left out on a narrow terminal.
    std::vector<Table::Column> columns{{.title = "POOL", .priority = 9},
                                       {.title = "PROXIES", .align = right, .priority = 1},
                                       {.title = "ACTIVE", .align = right, .priority = 2},
                                       {.title = "AVAILABLE", .align = right, .priority = 5},
                                       {.title = "LEASES", .align = right, .priority = 4}};
    if (with_rates) columns.push_back({.title = "ACQUIRES/S", .align = right, .priority = 3});
    Table table(std::move(columns));
    for (const auto& [stats, rate] : pools) {
        std::vector<std::string> cells{
            stats.pool_name, with_thousands(stats.total_proxies), with_thousands(stats.active_proxies),
            with_thousands(stats.available_proxies), with_thousands(stats.total_leases)};
        if (with_rates) cells.push_back(rate_text(rate));
        table.add_row(cells, stats.available_proxies == 0 ? Table::Style::alert : Table::Style::plain);
    }
    return table;
}

/// One line, so that a reader can parse one document per line.
void print_json(const std::vector<PoolRow>& pools, bool with_rates) {
    Json list = Json::array();
    for (const auto& [stats, rate] : pools) {
        Json json = to_json(stats);
        if (with_rates) json = json.with("acquires_per_second", rate ? Json(*rate) : Json());
        list = list.with_element(json);
    }
    std::cout << Json::object({{"pools", list}}).dump() << '\n';
}

std::vector<PoolRow> sample(Session& session, const StatsOptions& options, Rates& rates) {
    std::vector<PoolRow> pools;
    for (PoolStatsSnapshot& stats : collect(session, options.pool)) {
        const auto rate = options.watch ? rates.sample(session, stats) : std::nullopt;
        pools.push_back({.stats = std::move(stats), .acquire_rate = rate});
    }
    return pools;
}

/// Refreshes the table in place, and draws it anew when the terminal changes its size.
int watch_on_terminal(Session& session, const StatsOptions& options, Duration interval) {
    Rates rates;
    Screen screen;
    while (std::cout) {
        const Table table = table_of(sample(session, options, rates), true);
        const auto next = std::chrono::steady_clock::now() + interval;
        auto left = interval;
        do {
            std::ostringstream text;
            table.print(text, {.width = terminal_size().columns, .colours = output_has_colours()});
            screen.draw(text.str());
            std::cout.flush();
            screen.wait(left);
            left = std::chrono::duration_cast<Duration>(next - std::chrono::steady_clock::now());
        } while (left > Duration(0) && std::cout);
    }
    return exit_code::success;
}

int show_stats(Session& session, const StatsOptions& options) {
    const Duration interval = parse_duration(options.interval, "interval");
    if (interval < std::chrono::milliseconds(100))
        throw ValidationError("interval", options.interval, "is below 100ms");
    if (options.watch && !session.json && output_is_terminal())
        return watch_on_terminal(session, options, interval);
    Rates rates;
    for (;;) {
        const std::vector<PoolRow> pools = sample(session, options, rates);
        if (session.json) {
            print_json(pools, options.watch);
        } else {
            table_of(pools, options.watch).print(std::cout, {.colours = output_has_colours()});
        }
        if (!options.watch || !std::cout.flush()) return exit_code::success;
        std::this_thread::sleep_for(interval);
    }
}

}  // namespace

void add_stats_command(CLI::App& app, Session& session) {
    CLI::App* stats = app.add_subcommand("stats", "Show how many proxies are available and leased");
    const auto options = std::make_shared<StatsOptions>();
    stats->add_option("-p,--pool", options->pool, "Only this pool");
    stats->add_flag("--watch", options->watch, "Repeat until interrupted");
    stats->add_option("--interval", options->interval, "Interval between two samples of --watch")
        ->capture_default_str();
    stats->footer(
        R"(ACQUIRES/S, with --watch: acquires of all processes since the previous sample. Stores do not record misses, so they
are not shown.

Examples:
  pharox stats
  pharox stats --watch --interval 1s
  pharox stats --pool latam --json)");
    stats->callback([&session, options] {
        session.selected = [&session, options] { return show_stats(session, *options); };
    });
}

}  // namespace pharox::cli
