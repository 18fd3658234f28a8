// pharox import
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "import_lists.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pool_sync.hpp"
#include "signal_inbox.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

constexpr std::size_t problems_shown = 20;

struct ImportOptions {
    std::vector<std::string> files{};
    std::string pool;
    std::string protocol = "http";
    std::string order = "detect";
    std::string on_duplicate = "skip";
    std::optional<std::string> format{}, country{}, city{}, isp{}, source{}, max_concurrency{}, weight{};
    std::string json_path;
    std::vector<std::string> tags{}, geo{};
    bool expand_env = false;
    bool dry_run = false;
    bool strict = false;
    bool sync = false;
    bool allow_shrink = false;
};

lists::FieldOrder parse_order(const std::string& text) {
    if (text == "detect") return lists::FieldOrder::detect;
    if (text == "host-first") return lists::FieldOrder::host_first;
    if (text == "user-first") return lists::FieldOrder::user_first;
    if (text == "auto") return lists::FieldOrder::by_others;
    throw ValidationError("order", text, "is not one of detect, host-first, user-first, auto");
}

DuplicatePolicy parse_policy(const std::string& text) {
    if (text == "skip") return DuplicatePolicy::skip;
    if (text == "update") return DuplicatePolicy::update;
    if (text == "reject") return DuplicatePolicy::reject;
    throw ValidationError("on-duplicate", text, "is not one of skip, update, reject");
}

/// What the list says stays.
void complete(Proxy& proxy, const ImportOptions& options) {
    const auto set = [](std::optional<std::string>& attribute, const std::optional<std::string>& value) {
        if (!attribute) attribute = value;
    };
    set(proxy.country, options.country);
    set(proxy.city, options.city);
    set(proxy.isp, options.isp);
    set(proxy.source, options.source);
    proxy.tags.insert(options.tags.begin(), options.tags.end());
    if (options.max_concurrency && !proxy.max_concurrency)
        proxy.max_concurrency = parse_number<int>(*options.max_concurrency, "max-concurrency");
    if (options.weight && proxy.weight == 1) proxy.weight = parse_number<double>(*options.weight, "weight");
}

/// A signal asks the import to stop; it then takes back what it has added.
std::atomic<int> stop_signal = 0;

class StopSignals {
  public:
    StopSignals() {
        struct sigaction action{};
        action.sa_handler = [](int number) { stop_signal = number; };
        for (std::size_t at = 0; at < numbers.size(); ++at) {
            ::sigaction(numbers[at], nullptr, &before_[at]);
            if (before_[at].sa_handler != SIG_IGN) ::sigaction(numbers[at], &action, nullptr);
        }
    }
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals() {
        for (std::size_t at = 0; at < numbers.size(); ++at) ::sigaction(numbers[at], &before_[at], nullptr);
    }

  private:
    static constexpr std::array numbers = {SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, numbers.size()> before_{};
};

/// One line on standard error that is rewritten, if that is a terminal.
class Progress {
  public:
    explicit Progress(bool shown) : shown_(shown && ::isatty(STDERR_FILENO) != 0) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { clear(); }

    void show(const char* what, double fraction, std::int64_t proxies) {
        const auto now = std::chrono::steady_clock::now();
        if (what_ != what) {
            what_ = what;
            begun_ = now;
        }
        if (!shown_ || now - last_ < std::chrono::milliseconds(200)) return;
        last_ = now;
        const double seconds = std::max(std::chrono::duration<double>(now - begun_).count(), 0.001);
        std::cerr << '\r' << what << ' ' << std::lround(fraction * 100) << " % · " << with_thousands(proxies)
                  << " proxies · " << with_thousands(std::lround(static_cast<double>(proxies) / seconds))
                  << "/s";
        if (fraction > 0.01)
            std::cerr << " · " << std::lround(seconds * (1 - fraction) / fraction) << " s left";
        std::cerr << "\x1b[K" << std::flush;
        visible_ = true;
    }
    void clear() {
        if (visible_) std::cerr << "\r\x1b[K" << std::flush;
        visible_ = false;
    }

  private:
    bool shown_;
    bool visible_ = false;
    const char* what_ = nullptr;
    std::chrono::steady_clock::time_point begun_{}, last_{};
};

std::optional<std::string> environment_variable(const std::string& name) {
    const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing changes it
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

ImportLists::Options parsed(const ImportOptions& options) {
    ImportLists::Options parsed;
    parsed.reading = {.protocol = parse_protocol(options.protocol),
                      .order = parse_order(options.order),
                      .json_path = options.json_path};
    if (options.format) parsed.reading.format = lists::parse_format(*options.format, "format");
    if (!options.json_path.empty() && !options.json_path.starts_with('/'))
        throw ValidationError("json-path", options.json_path, "is no JSON pointer, such as /data/proxies");
    if (options.expand_env) parsed.reading.variable = environment_variable;
    parsed.on_duplicate = parse_policy(options.on_duplicate);
    parsed.complete = [&options](Proxy& proxy) { complete(proxy, options); };
    parsed.stops = [] { return stop_signal != 0; };
    // An invalid attribute is an error of the caller, not of a line, and is reported before any list is read.
    Proxy probe{.pool_id = PoolId::make(), .host = "192.0.2.1", .port = 1};
    complete(probe, options);
    static_cast<void>(validated(probe));
    return parsed;
}

void print_json(const ImportOptions& options, const ImportLists& import, bool imported) {
    const ImportCounts& counts = import.counts();
    Json remarks = Json::array();
    for (const std::string& remark : import.remarks())
        remarks = remarks.with_element(Json(printable(remark)));
    const Json head = Json::object({
        {"pool", options.pool},
        {"pool_created", import.pool_created() && imported},
        {"imported", imported},
        {"accepted", counts.accepted},
        {"status", "active"},
        {"checked", false},
        {"updated", counts.updated},
        {"duplicate", counts.duplicate},
        {"ambiguous", counts.ambiguous},
        {"rejected", counts.rejected},
        {"skipped", counts.skipped + counts.blank},
        {"located", counts.located},
        {"assumed_protocol", options.protocol},
        {"assumed_protocol_lines", counts.protocol_assumed},
        {"remarks", remarks},
    });
    std::string open = head.dump();
    open.pop_back();  // removes the closing brace: the list follows
    JsonList list(std::cout, open + ",\"problems\":[", "]}");
    for (const ListProblem& problem : import.problems()) {
        list.add(Json::object({{"file", printable(problem.origin.list)},
                               {"line", static_cast<std::int64_t>(problem.origin.line)},
                               {"verdict", problem.verdict},
                               {"reason", problem.reason}}));
    }
    list.close();
}

void print_problems(const ImportLists& import) {
    const ImportCounts& counts = import.counts();
    std::int64_t shown = 0;
    for (const ListProblem& problem : import.problems()) {
        if (problem.verdict == "duplicate") break;
        std::cerr << printable(problem.origin.text()) << ": " << problem.verdict << ": " << problem.reason
                  << '\n';
        ++shown;
    }
    const std::int64_t rest = counts.ambiguous + counts.rejected + counts.skipped - shown;
    if (rest > 0) std::cerr << "… and " << with_thousands(rest) << " more (--json lists all)\n";
}

void print_summary(const ImportOptions& options, const ImportLists& import, bool imported) {
    const ImportCounts& counts = import.counts();
    std::ostream& out = std::cout;
    if (options.dry_run) out << "dry run, nothing was stored: ";
    if (!imported && !options.dry_run) out << "nothing was stored: ";
    out << "accepted " << with_thousands(counts.accepted) << " (active, unchecked)";
    if (counts.updated > 0) out << " · updated " << with_thousands(counts.updated);
    out << " · duplicate " << with_thousands(counts.duplicate);
    for (const ListProblem& problem : import.problems()) {
        if (problem.verdict != "duplicate") continue;
        out << " (" << printable(problem.origin.text()) << " " << problem.reason << " …)";
        break;
    }
    if (counts.skipped > 0) out << " · skipped " << with_thousands(counts.skipped);
    out << " · ambiguous " << with_thousands(counts.ambiguous) << " · rejected "
        << with_thousands(counts.rejected);
    for (const ListProblem& problem : import.problems()) {
        if (problem.verdict != "rejected") continue;
        out << " (" << printable(problem.origin.text()) << " " << problem.reason
            << (counts.rejected > 1 ? " …)" : ")");
        break;
    }
    out << '\n';
    if (import.pool_created()) {
        out << "pool \"" << printable(options.pool) << "\" "
            << (imported ? "did not exist and was created\n" : "does not exist and would be created\n");
    }
    if (counts.protocol_assumed > 0) {
        out << "lines without a protocol: " << with_thousands(counts.protocol_assumed) << ", taken for "
            << options.protocol << " (--protocol says otherwise)\n";
    }
    if (counts.located > 0)
        out << "places from databases: " << with_thousands(counts.located) << " proxies\n";
    for (const std::string& remark : import.remarks()) out << printable(remark) << '\n';
}

void print_difference(const Session& session, const ImportOptions& options, const PoolSync& sync) {
    const PoolSync::Counts& counts = sync.counts();
    if (session.json) {
        std::cout << Json::object({{"pool", options.pool},
                                   {"pool_created", !sync.pool_exists() && !options.dry_run},
                                   {"applied", !options.dry_run},
                                   {"added", counts.added},
                                   {"updated", counts.updated},
                                   {"passwords_changed", counts.passwords},
                                   {"restored", counts.restored},
                                   {"retired", counts.retired},
                                   {"unchanged", counts.unchanged},
                                   {"waiting_for_leases", counts.waiting_for_leases}})
                         .dump()
                  << '\n';
        return;
    }
    std::cout << (options.dry_run ? "dry run, nothing was changed: " : "") << "added "
              << with_thousands(counts.added) << " · updated " << with_thousands(counts.updated)
              << " · passwords changed " << with_thousands(counts.passwords) << " · restored "
              << with_thousands(counts.restored) << " · retired " << with_thousands(counts.retired)
              << " · unchanged " << with_thousands(counts.unchanged) << '\n';
    if (counts.waiting_for_leases > 0) {
        std::cout << "retired proxies that are still leased: " << with_thousands(counts.waiting_for_leases)
                  << " (inactive; the next --sync removes them when the leases have ended)\n";
    }
}

/// Makes the pool equal to the lists.
int sync_lists(Session& session, const ImportOptions& options, ImportLists& import) {
    PoolSync sync(session.catalog(), options.pool, import.collect());
    const PoolSync::Counts& counts = sync.counts();
    if (counts.retired * 2 > counts.stored && !options.allow_shrink) {
        throw ValidationError("list", std::to_string(counts.retired),
                              "proxies of " + std::to_string(counts.stored) +
                                  " would be retired, more than half of the pool: --allow-shrink does so");
    }
    if (!options.dry_run) sync.apply();
    if (!session.json) print_problems(import);
    print_difference(session, options, sync);
    return exit_code::success;
}

int import_lists(Session& session, const ImportOptions& options) {
    validate_text("pool", options.pool, max_name_bytes);
    ImportLists::Options import_options = parsed(options);
    std::optional<geo::Locations> locations;
    if (!options.geo.empty()) {
        locations.emplace(std::vector<std::filesystem::path>(options.geo.begin(), options.geo.end()));
        import_options.locations = &*locations;
    }
    Progress progress(!session.json);
    import_options.progress = [&](const char* what, double fraction, std::int64_t proxies) {
        progress.show(what, fraction, proxies);
    };
    import_options.most_problems = session.json ? std::numeric_limits<std::size_t>::max() : problems_shown;

    std::vector<std::unique_ptr<lists::Input>> inputs;
    for (const std::string& file : options.files)
        inputs.push_back(file == "-" ? lists::Input::of_standard_input() : lists::Input::of_file(file));
    if (options.sync && options.on_duplicate != "skip") {
        throw ValidationError("on-duplicate", options.on_duplicate,
                              "has no meaning with --sync, which updates");
    }
    const StopSignals signals;
    ImportLists import(std::move(inputs), std::move(import_options));
    try {
        import.read();
        const ImportCounts& counts = import.counts();
        const bool refused = options.strict && counts.ambiguous + counts.rejected > 0;
        if (options.sync && !refused && import.proxies() > 0) return sync_lists(session, options, import);
        const bool store_it = !refused && !options.dry_run && import.proxies() > 0;
        if (store_it) {
            import.store(session.catalog(), options.pool);
        } else if (options.dry_run && !refused) {
            import.rehearse(session.catalog(), options.pool);
        }
        progress.clear();

        if (session.json) {
            print_json(options, import, store_it);
        } else {
            print_problems(import);
            print_summary(options, import, store_it);
        }
        if (refused) {
            complain("--strict: some lines are ambiguous or rejected, so none was imported");
            return exit_code::bad_input;
        }
        // An empty list is more often a failed download than intended.
        const bool useless = import.proxies() == 0;
        if (useless) complain("no line contains a proxy");
        return useless ? exit_code::bad_input : exit_code::success;
    } catch (const ImportLists::Interrupted&) {
        progress.clear();
        complain("interrupted: nothing was imported");
    }
    return 128 + stop_signal;
}

}  // namespace

void add_import_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("import", "Read lists of proxies into a pool");
    const auto options = std::make_shared<ImportOptions>();
    command
        ->add_option("LIST", options->files,
                     "Files; - is standard input. gzip, zstd, xz, bzip2, zip and UTF-16 are recognised")
        ->required();
    command->add_option("-p,--pool", options->pool, "The pool; created if it does not exist")->required();
    command
        ->add_option("--protocol", options->protocol,
                     "For lines without a protocol: http, https, socks4 or socks5")
        ->capture_default_str();
    command
        ->add_option(
            "--order", options->order,
            "For lines with two readings: host-first, user-first; auto: as the other lines, if they agree; "
            "detect reports them")
        ->capture_default_str();
    command
        ->add_option("--on-duplicate", options->on_duplicate,
                     "For proxies that are stored already: skip, update or reject")
        ->capture_default_str();
    command->add_option(
        "--format", options->format,
        "lines, csv, json, json-lines, clash or base64; default: recognised from the content");
    command->add_option(
        "--json-path", options->json_path,
        "JSON pointer to the array of proxies, such as /data/list; default: found by the names of fields");
    command
        ->add_option(
            "--geo", options->geo,
            "Database in MaxMind's format for country, city, coordinates, ASN and ISP; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_flag("--expand-env", options->expand_env,
                      "Replace {{NAME}} by the environment variable NAME");
    const std::string attributes = "Attributes of proxies for which the list has none";
    command->add_option("--country", options->country, "Country")->group(attributes);
    command->add_option("--city", options->city, "City")->group(attributes);
    command->add_option("--isp", options->isp, "Internet provider")->group(attributes);
    command->add_option("--source", options->source, "The source of the proxies")->group(attributes);
    command->add_option("--tag", options->tags, "Tag; may be repeated")
        ->group(attributes)
        ->allow_extra_args(false);
    command
        ->add_option("--max-concurrency", options->max_concurrency,
                     "Maximum number of concurrent leases; default: unlimited")
        ->group(attributes)
        ->type_name("INT");
    command->add_option("--weight", options->weight, "Share in weighted_random")
        ->group(attributes)
        ->type_name("FLOAT");
    command->add_flag("--dry-run", options->dry_run, "Report what would happen, and store nothing");
    command->add_flag(
        "--sync", options->sync,
        "Make the pool equal to the lists: add, update, and retire what they no longer contain");
    command->add_flag("--allow-shrink", options->allow_shrink,
                      "Let --sync retire more than half of the pool");
    command->add_flag("--strict", options->strict,
                      "Store nothing if any line is ambiguous or rejected (status 2)");
    command->footer(R"(Forms of a line:
  host:port                     [2001:db8::1]:port
  host:port:user:password       user:password:host:port
  user:password@host:port       host:port@user:password
  http://, https://, socks4://, socks4a://, socks5:// and socks5h:// URLs
Other formats: CSV with column names, JSON, JSON lines, Clash, base64 (docs/how-to/lists.md).
Blank lines and those that start with # or // are skipped. A line with two readings, or
none, is reported with its number and not imported. Imported proxies are active and unchecked.

Examples:
  pharox import --pool latam --country AR --max-concurrency 5 list.txt
  curl -s https://provider.example/list | pharox import --pool latam --protocol socks5 -)");
    command->callback([&session, options] {
        session.selected = [&session, options] { return import_lists(session, *options); };
    });
}

}  // namespace pharox::cli
