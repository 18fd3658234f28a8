// pharox import
#include <CLI/CLI.hpp>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "proxy_list.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

constexpr std::size_t max_list_bytes = std::size_t{512} * 1024 * 1024;
constexpr std::size_t problems_shown = 20;

struct ImportOptions {
    std::vector<std::string> files{};
    std::string pool;
    std::string protocol = "http";
    std::string order = "detect";
    std::string on_duplicate = "skip";
    std::optional<std::string> country{}, city{}, isp{}, source{}, max_concurrency{};
    std::vector<std::string> tags{};
    std::string weight = "1";
    bool dry_run = false;
    bool strict = false;
};

struct Origin {
    std::string file;
    std::size_t line = 0;
    [[nodiscard]] std::string text() const { return file + ":" + std::to_string(line); }
};
struct FileProblem {
    Origin origin;
    LineVerdict verdict;
    std::string reason;
};

/// All lists together, and the result of the import.
struct Import {
    std::vector<Proxy> proxies{};
    std::vector<Origin> origins{};  ///< of the proxies, in the same order
    std::vector<FileProblem> problems{};
    std::int64_t ambiguous = 0, rejected = 0, skipped = 0, protocol_assumed = 0;
    std::int64_t accepted = 0, updated = 0, duplicate = 0;
    bool pool_created = false;
};

std::string read_list(const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
        if (!opened)
            throw ValidationError("list", file, "cannot be read: " + std::generic_category().message(errno));
    }
    std::istream& stream = file == "-" ? std::cin : opened;
    std::string text;
    std::vector<char> block(std::size_t{1} << 16U);
    while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) || stream.gcount() > 0) {
        text.append(block.data(), static_cast<std::size_t>(stream.gcount()));
        if (text.size() > max_list_bytes)
            throw ValidationError("list", file, "is larger than 512 MiB: split it");
    }
    if (stream.bad()) throw ValidationError("list", file, "cannot be read to its end (is it a directory?)");
    return text;
}

FieldOrder parse_order(const std::string& text) {
    if (text == "detect") return FieldOrder::detect;
    if (text == "host-first") return FieldOrder::host_first;
    if (text == "user-first") return FieldOrder::user_first;
    throw ValidationError("order", text, "is not one of detect, host-first, user-first");
}

DuplicatePolicy parse_policy(const std::string& text) {
    if (text == "skip") return DuplicatePolicy::skip;
    if (text == "update") return DuplicatePolicy::update;
    if (text == "reject") return DuplicatePolicy::reject;
    throw ValidationError("on-duplicate", text, "is not one of skip, update, reject");
}

void apply_attributes(Proxy& proxy, const ImportOptions& options) {
    proxy.country = options.country;
    proxy.city = options.city;
    proxy.isp = options.isp;
    proxy.source = options.source;
    proxy.tags = {options.tags.begin(), options.tags.end()};
    if (options.max_concurrency)
        proxy.max_concurrency = parse_number<int>(*options.max_concurrency, "max-concurrency");
    proxy.weight = parse_number<double>(options.weight, "weight");
}

Import read_lists(const ImportOptions& options) {
    const ProxyListOptions list_options{.protocol = parse_proxy_protocol(options.protocol),
                                        .order = parse_order(options.order)};
    // An invalid attribute is an error of the caller, not of a line, and is reported before any list is read.
    Proxy probe{.pool_id = PoolId::make(), .host = "192.0.2.1", .port = 1};
    apply_attributes(probe, options);
    static_cast<void>(validated(probe));

    Import import;
    for (const std::string& file : options.files) {
        const std::string name = file == "-" ? "standard input" : file;
        ProxyList list = parse_proxy_list(read_list(file), list_options);
        for (ListedProxy& listed : list.proxies) {
            apply_attributes(listed.proxy, options);
            import.proxies.push_back(std::move(listed.proxy));
            import.origins.push_back({.file = name, .line = listed.line});
        }
        for (LineReport& problem : list.problems) {
            ++(problem.verdict == LineVerdict::ambiguous ? import.ambiguous : import.rejected);
            import.problems.push_back({.origin = {.file = name, .line = problem.line},
                                       .verdict = problem.verdict,
                                       .reason = std::move(problem.reason)});
        }
        import.skipped += static_cast<std::int64_t>(list.skipped);
        import.protocol_assumed += static_cast<std::int64_t>(list.protocol_assumed);
    }
    return import;
}

/// Keeps the first proxy of each identity; only here are the line numbers of duplicates known.
void drop_repeats(Import& import, DuplicatePolicy policy) {
    std::unordered_map<std::string, std::size_t> seen;
    std::vector<Proxy> kept;
    kept.reserve(import.proxies.size());
    for (std::size_t at = 0; at < import.proxies.size(); ++at) {
        const auto [earlier, fresh] = seen.emplace(import.proxies[at].identity(), at);
        if (fresh) {
            kept.push_back(std::move(import.proxies[at]));
            continue;
        }
        if (policy == DuplicatePolicy::reject) {
            throw ConflictError("list", import.origins[at].text(),
                                "is the same proxy as " + import.origins[earlier->second].text());
        }
        ++import.duplicate;
    }
    import.proxies = std::move(kept);
}

ProxyPool get_or_add_pool(Session& session, const std::string& name, bool& created) {
    if (auto pool = session.catalog().get_pool(name)) return *std::move(pool);
    try {
        ProxyPool pool = session.catalog().add_pool({.name = name});
        created = true;
        return pool;
    } catch (const ConflictError&) {
        return session.pool(name);  // another process created it meanwhile
    }
}

void store(Session& session, const ImportOptions& options, Import& import, DuplicatePolicy policy) {
    const ProxyPool pool = get_or_add_pool(session, options.pool, import.pool_created);
    for (Proxy& proxy : import.proxies) proxy.pool_id = pool.id;
    const AddProxiesResult result =
        session.catalog().add_proxies({.proxies = std::move(import.proxies), .on_duplicate = policy});
    import.accepted = result.added;
    import.updated = result.updated;
    import.duplicate += result.skipped;
}

/// The result of store(), without storing.
void rehearse(Session& session, const ImportOptions& options, Import& import, DuplicatePolicy policy) {
    std::unordered_set<std::string> stored;
    ListProxiesRequest request{.pool = options.pool, .limit = 10'000};
    do {
        const Page<Proxy> page = session.catalog().list_proxies(request);
        for (const Proxy& proxy : page.items) stored.insert(proxy.identity());
        request.after = page.next;
    } while (!request.after.empty());
    for (const Proxy& proxy : import.proxies) {
        if (!stored.contains(proxy.identity())) {
            ++import.accepted;
        } else if (policy == DuplicatePolicy::update) {
            ++import.updated;
        } else {
            ++import.duplicate;
        }
    }
    import.pool_created = !session.catalog().get_pool(options.pool);
}

void print_json(const ImportOptions& options, const Import& import, bool imported) {
    const Json head = Json::object({
        {"pool", options.pool},
        {"pool_created", import.pool_created && imported},
        {"imported", imported},
        {"accepted", import.accepted},
        {"status", "active"},
        {"checked", false},
        {"updated", import.updated},
        {"duplicate", import.duplicate},
        {"ambiguous", import.ambiguous},
        {"rejected", import.rejected},
        {"skipped", import.skipped},
        {"assumed_protocol", options.protocol},
        {"assumed_protocol_lines", import.protocol_assumed},
    });
    std::string open = head.dump();
    open.pop_back();  // removes the closing brace: the list follows
    JsonList list(std::cout, open + ",\"problems\":[", "]}");
    for (const FileProblem& problem : import.problems) {
        list.add(Json::object({{"file", printable(problem.origin.file)},
                               {"line", static_cast<std::int64_t>(problem.origin.line)},
                               {"verdict", to_string(problem.verdict)},
                               {"reason", problem.reason}}));
    }
    list.close();
}

void print_problems(const Import& import) {
    std::size_t shown = 0;
    for (const FileProblem& problem : import.problems) {
        if (++shown > problems_shown) {
            const auto rest = static_cast<std::int64_t>(import.problems.size() - problems_shown);
            std::cerr << "… and " << with_thousands(rest) << " more (--json lists all)\n";
            return;
        }
        std::cerr << printable(problem.origin.text()) << ": " << to_string(problem.verdict) << ": "
                  << problem.reason << '\n';
    }
}

void print_summary(const ImportOptions& options, const Import& import, bool imported) {
    std::ostream& out = std::cout;
    if (options.dry_run) out << "dry run, nothing was stored: ";
    if (!imported && !options.dry_run) out << "nothing was stored: ";
    out << "accepted " << with_thousands(import.accepted) << " (active, unchecked)";
    if (import.updated > 0) out << " · updated " << with_thousands(import.updated);
    out << " · duplicate " << with_thousands(import.duplicate) << " · ambiguous "
        << with_thousands(import.ambiguous) << " · rejected " << with_thousands(import.rejected);
    for (const FileProblem& problem : import.problems) {
        if (problem.verdict == LineVerdict::rejected) {
            out << " (" << printable(problem.origin.text()) << " " << problem.reason
                << (import.rejected > 1 ? " …)" : ")");
            break;
        }
    }
    out << '\n';
    if (import.pool_created && imported)
        out << "pool \"" << printable(options.pool) << "\" did not exist and was created\n";
    if (import.protocol_assumed > 0) {
        out << "lines without a protocol: " << with_thousands(import.protocol_assumed) << ", taken for "
            << options.protocol << " (--protocol says otherwise)\n";
    }
}

int import_lists(Session& session, const ImportOptions& options) {
    validate_text("pool", options.pool, max_name_bytes);
    const DuplicatePolicy policy = parse_policy(options.on_duplicate);
    Import import = read_lists(options);
    drop_repeats(import, policy);

    const bool refused = options.strict && !import.problems.empty();
    const bool store_it = !refused && !options.dry_run && !import.proxies.empty();
    if (store_it) {
        store(session, options, import, policy);
    } else if (options.dry_run && !refused) {
        rehearse(session, options, import, policy);
    }

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
    const bool useless = import.accepted + import.updated + import.duplicate == 0;
    if (useless) complain("no line contains a proxy");
    return useless ? exit_code::bad_input : exit_code::success;
}

}  // namespace

void add_import_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("import", "Read lists of proxies into a pool");
    const auto options = std::make_shared<ImportOptions>();
    command->add_option("LIST", options->files, "Files with one proxy per line; - is standard input")
        ->required();
    command->add_option("-p,--pool", options->pool, "The pool; created if it does not exist")->required();
    command
        ->add_option("--protocol", options->protocol,
                     "For lines without a protocol: http, https, socks4 or socks5")
        ->capture_default_str();
    command
        ->add_option("--order", options->order,
                     "For lines with two readings: host-first, user-first; detect reports them")
        ->capture_default_str();
    command
        ->add_option("--on-duplicate", options->on_duplicate,
                     "For proxies that are stored already: skip, update or reject")
        ->capture_default_str();
    const std::string attributes = "Attributes of all proxies in the lists";
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
        ->type_name("FLOAT")
        ->capture_default_str();
    command->add_flag("--dry-run", options->dry_run, "Report what would happen, and store nothing");
    command->add_flag("--strict", options->strict,
                      "Store nothing if any line is ambiguous or rejected (status 2)");
    command->footer(R"(Forms of a line:
  host:port                     [2001:db8::1]:port
  host:port:user:password       user:password:host:port
  user:password@host:port       host:port@user:password
  http://, https://, socks4://, socks4a://, socks5:// and socks5h:// URLs
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
