// pharox bench
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "signal_inbox.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
    std::string duration = "3s";
    std::string threads = "4";
    std::string proxies = "100";
};

struct Plan {
    Duration duration{};
    int threads = 0;
    int proxies = 0;
};

/// What the threads have measured.
struct Measured {
    std::vector<double> acquire_ms{}, release_ms{};
    std::int64_t misses = 0;
    std::int64_t errors = 0;
    std::string first_error{};
};

int number_in(const std::string& text, const char* field, int most) {
    const int number = parse_number<int>(text, field);
    if (number < 1 || number > most)
        throw ValidationError(field, text, "is not between 1 and " + std::to_string(most));
    return number;
}

Plan plan_of(const BenchOptions& options) {
    const Plan plan{.duration = parse_duration(options.duration, "duration"),
                    .threads = number_in(options.threads, "threads", 64),
                    .proxies = number_in(options.proxies, "proxies", 100'000)};
    if (plan.duration < std::chrono::milliseconds(100) || plan.duration > std::chrono::minutes(5))
        throw ValidationError("duration", options.duration, "is not between 100ms and 5m");
    return plan;
}

/// A pool of proxies to which nothing connects. The destructor removes it with its leases.
class TemporaryPool {
  public:
    TemporaryPool(ICatalog& catalog, int proxies)
        : catalog_(catalog), name_("pharox-bench-" + PoolId::make().to_string()) {
        const ProxyPool pool = catalog_.add_pool({.name = name_, .description = "pharox bench, temporary"});
        constexpr int batch = 1'000;
        try {
            for (int begin = 0; begin < proxies; begin += batch) {
                AddProxiesRequest request;
                for (int at = begin; at < std::min(proxies, begin + batch); ++at) {
                    request.proxies.push_back({.pool_id = pool.id,
                                               .host = "192.0.2." + std::to_string(at % 250 + 1),
                                               .port = at / 250 + 1,
                                               .status = ProxyStatus::active,
                                               .max_concurrency = 1});
                }
                catalog_.add_proxies(request);
            }
        } catch (...) {
            remove();
            throw;
        }
    }
    TemporaryPool(const TemporaryPool&) = delete;
    TemporaryPool& operator=(const TemporaryPool&) = delete;
    ~TemporaryPool() { remove(); }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    void remove() noexcept {
        try {
            catalog_.remove_pool(name_, true);
        } catch (const std::exception& error) {
            complain("pool \"" + name_ + "\" could not be removed: " + error.what());
        }
    }

    ICatalog& catalog_;
    std::string name_;
};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// Leases and releases until the end.
Measured lease_until(Session& session, const std::string& pool, Clock::time_point end,
                     const std::atomic<bool>& stop) {
    constexpr std::int64_t most_errors = 100;
    IStorage& storage = session.storage();
    Measured measured;
    while (Clock::now() < end && !stop && measured.errors < most_errors) {
        try {
            auto begin = Clock::now();
            const AcquireResult got = storage.acquire(
                {.pool = pool, .selector = Selector::round_robin, .wait = std::chrono::seconds(1)});
            if (!got) {
                ++measured.misses;
                continue;
            }
            measured.acquire_ms.push_back(milliseconds_since(begin));
            begin = Clock::now();
            storage.release_lease({.lease_id = got.lease().id, .pool = pool});
            measured.release_ms.push_back(milliseconds_since(begin));
        } catch (const StorageError& error) {
            if (measured.errors++ == 0) measured.first_error = error.what();
        }
    }
    return measured;
}

void add(Measured& sum, Measured part) {
    std::ranges::move(part.acquire_ms, std::back_inserter(sum.acquire_ms));
    std::ranges::move(part.release_ms, std::back_inserter(sum.release_ms));
    sum.misses += part.misses;
    sum.errors += part.errors;
    if (sum.first_error.empty()) sum.first_error = std::move(part.first_error);
}

constexpr std::array<std::pair<const char*, double>, 4> percentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1.0}}};

/// The value that this part of the sorted values does not exceed (nearest rank).
double percentile(const std::vector<double>& sorted, double part) {
    if (sorted.empty()) return 0;
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
    return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Json percentiles_json(const std::vector<double>& sorted) {
    Json json = Json::object();
    for (const auto& [name, part] : percentiles) json = json.with(name, percentile(sorted, part));
    return json;
}

std::string fixed(double value, int digits) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

void print_report(const Session& session, const Plan& plan, const Measured& measured, double seconds) {
    const auto acquires = static_cast<std::int64_t>(measured.acquire_ms.size());
    const double rate = static_cast<double>(acquires) / seconds;
    if (session.json) {
        std::cout << Json::object({{"threads", plan.threads},
                                   {"proxies", plan.proxies},
                                   {"seconds", seconds},
                                   {"acquires", acquires},
                                   {"misses", measured.misses},
                                   {"errors", measured.errors},
                                   {"acquires_per_second", rate},
                                   {"acquire_ms", percentiles_json(measured.acquire_ms)},
                                   {"release_ms", percentiles_json(measured.release_ms)}})
                         .dump()
                  << '\n';
        return;
    }
    std::cout << plan.threads << " threads, " << with_thousands(plan.proxies) << " proxies, "
              << fixed(seconds, 1) << " s: " << with_thousands(acquires) << " acquires, " << fixed(rate, 0)
              << "/s · misses " << with_thousands(measured.misses) << " · errors "
              << with_thousands(measured.errors) << '\n';
    constexpr auto right = Table::Align::right;
    Table table({{.title = "MILLISECONDS"},
                 {.title = "P50", .align = right},
                 {.title = "P90", .align = right},
                 {.title = "P99", .align = right},
                 {.title = "MAX", .align = right}});
    for (const auto& [name, values] :
         {std::pair("acquire", &measured.acquire_ms), std::pair("release", &measured.release_ms)}) {
        std::vector<std::string> row{name};
        for (const auto& [label, part] : percentiles) row.push_back(fixed(percentile(*values, part), 2));
        table.add_row(row);
    }
    table.print(std::cout);
}

/// Blocks the signals that end a program, except ignored ones; threads inherit this.
class EndingSignals {
  public:
    EndingSignals() {
        sigemptyset(&signals_);
        for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
            struct sigaction action{};
            ::sigaction(signal, nullptr, &action);
            if (action.sa_handler != SIG_IGN) sigaddset(&signals_, signal);
        }
        ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }
    /// The signal that came within a short time.
    [[nodiscard]] std::optional<int> wait() const {
        constexpr timespec shortly{.tv_sec = 0, .tv_nsec = 50'000'000};
        const int signal = ::sigtimedwait(&signals_, nullptr, &shortly);
        return signal > 0 ? std::optional<int>(signal) : std::nullopt;
    }

  private:
    sigset_t signals_{};
};

int bench(Session& session, const BenchOptions& options) {
    const Plan plan = plan_of(options);
    const EndingSignals signals;  // a signal ends the benchmark, and the pool is removed
    std::atomic<bool> stop{false};
    std::optional<int> signal;
    Measured sum;
    double seconds = 0;
    {
        session.storage().ensure_consumer({.name = std::string(default_consumer_name)});
        const TemporaryPool pool(session.catalog(), plan.proxies);
        std::mutex mutex;
        std::atomic<int> running{plan.threads};
        const auto begin = Clock::now();
        const auto end = begin + plan.duration;
        std::vector<std::jthread> threads;
        for (int at = 0; at < plan.threads; ++at) {
            threads.emplace_back([&] {
                Measured measured = lease_until(session, pool.name(), end, stop);
                const std::lock_guard guard(mutex);
                add(sum, std::move(measured));
                --running;
            });
        }
        while (running > 0 && !signal) {
            signal = signals.wait();
            stop = signal.has_value();
        }
        threads.clear();  // joins
        seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    if (signal) die_by(*signal);
    std::ranges::sort(sum.acquire_ms);
    std::ranges::sort(sum.release_ms);
    print_report(session, plan, sum, seconds);
    if (sum.errors > 0) complain(sum.first_error);
    return sum.errors > 0 ? exit_code::storage : exit_code::success;
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("bench", "Measure how fast this store leases");
    const auto options = std::make_shared<BenchOptions>();
    command->add_option("--duration", options->duration, "How long to measure, 100ms to 5m")
        ->capture_default_str();
    command->add_option("--threads", options->threads, "Threads that lease, 1 to 64")
        ->type_name("INT")
        ->capture_default_str();
    command->add_option("--proxies", options->proxies, "Proxies in the pool, each with one lease at a time")
        ->type_name("INT")
        ->capture_default_str();
    command->footer(
        "Leases and releases in a temporary pool of the store, which is removed afterwards. It competes "
        "with\n"
        "other users of the store, whose own pools it does not touch. Records of its leases stay until "
        "their\n"
        "retention is over.\n\n"
        "Example:\n  pharox bench --threads 8 --duration 10s");
    command->callback(
        [&session, options] { session.selected = [&session, options] { return bench(session, *options); }; });
}

}  // namespace pharox::cli
