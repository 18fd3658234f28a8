// pharox lease list | lease revoke | release | renew | cleanup
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>

#include "commands.hpp"
#include "confirmation.hpp"
#include "exit_code.hpp"
#include "lease_selection.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct LeaseCommandOptions {
    std::vector<std::string> ids{};
    LeaseSelection selection{};
    bool all = false;
    std::string limit{};
    std::string duration = "5m";
    bool yes = false;
    bool dry_run = false;
};

std::vector<LeaseId> parsed(const std::vector<std::string>& texts) {
    std::vector<LeaseId> ids;
    for (const std::string& text : texts) ids.push_back(LeaseId::parse(text));
    return ids;
}

int list_leases(Session& session, const LeaseCommandOptions& options) {
    std::int64_t left = options.limit.empty() ? std::numeric_limits<std::int64_t>::max()
                                              : parse_number<std::int64_t>(options.limit, "limit");
    if (left < 1) throw ValidationError("limit", options.limit, "is below 1");
    const std::optional<LeaseStatus> status =
        options.all ? std::nullopt : std::optional<LeaseStatus>(LeaseStatus::active);
    LeaseNames names(session);
    if (session.json) {
        JsonList json(std::cout, "{\"leases\": [", "]}");
        options.selection.for_each(session, status, [&](const Lease& lease) {
            json.add(
                to_json(lease).with("consumer", names.consumer(lease)).with("proxy", names.proxy(lease)));
            return --left > 0 && std::cout.good();
        });
        json.close();
        return exit_code::success;
    }
    std::vector<Table::Column> columns{{.title = "LEASE"}, {.title = "POOL"},  {.title = "CONSUMER"},
                                       {.title = "PROXY"}, {.title = "SINCE"}, {.title = "UNTIL"}};
    if (options.all) columns.push_back({.title = "STATUS"});
    Table table(std::move(columns));
    options.selection.for_each(session, status, [&](const Lease& lease) {
        const auto shown = [](const std::string& name) {
            return name.empty() ? std::string("(removed)") : name;
        };
        table.add_row(
            {lease.id.to_string(), lease.pool_name, shown(names.consumer(lease)), shown(names.proxy(lease)),
             short_time(lease.acquired_at), short_time(lease.released_at.value_or(lease.expires_at)),
             std::string(lease.release_reason ? to_string(*lease.release_reason) : to_string(lease.status))});
        return --left > 0;
    });
    table.print(std::cout);
    return exit_code::success;
}

/// The outcome for one lease of release, revoke or renew.
struct Outcome {
    LeaseId id{};
    bool done = false;
    std::optional<Lease> lease{};
};

/// Prints the outcomes as they come. `verb` is the name of the JSON member: released, revoked or renewed.
class Outcomes {
  public:
    Outcomes(const Session& session, std::string_view verb) : verb_(verb) {
        if (session.json) json_.emplace(std::cout, "{\"leases\": [", "]}");
    }
    void add(const Outcome& outcome) {
        ++(outcome.done ? done_ : not_done_);
        all_known_ = all_known_ && outcome.lease;
        if (!outcome.lease) complain("lease " + outcome.id.to_string() + " is not known");
        if (json_) {
            const Json json = Json::object({{"lease_id", outcome.id.to_string()}, {verb_, outcome.done}});
            json_->add(outcome.lease ? json.with("lease", to_json(*outcome.lease)) : json);
        } else if (outcome.lease) {
            print(*outcome.lease, outcome.done);
        }
    }
    void close() {
        if (json_) json_->close();
    }
    [[nodiscard]] bool all_known() const { return all_known_; }
    [[nodiscard]] bool all_done() const { return not_done_ == 0; }
    [[nodiscard]] std::int64_t done() const { return done_; }

  private:
    void print(const Lease& lease, bool done) const {
        std::cout << "lease " << lease.id << ' ';
        if (done) {
            std::cout << verb_;
            if (verb_ == "renewed") std::cout << " until " << short_time(lease.expires_at);
        } else if (lease.status == LeaseStatus::active) {
            std::cout << "has reached its longest tenure";
        } else {
            std::cout << "had ended already";
            if (lease.release_reason) std::cout << " (" << *lease.release_reason << ")";
        }
        std::cout << '\n';
    }

    std::string_view verb_;
    std::optional<JsonList> json_{};
    std::int64_t done_ = 0;
    std::int64_t not_done_ = 0;
    bool all_known_ = true;
};

/// The given ids, or the active leases of the selection. Throws UsageError for both, or none.
std::vector<LeaseId> targets(Session& session, const LeaseCommandOptions& options) {
    if (!options.ids.empty() && !options.selection.empty())
        throw UsageError("leases are selected by ids or by conditions, not by both");
    if (options.ids.empty() && options.selection.empty())
        throw UsageError("no lease is selected: name leases, or --pool, --consumer or --proxy");
    return options.ids.empty() ? options.selection.active(session) : parsed(options.ids);
}

int release(Session& session, const LeaseCommandOptions& options) {
    constexpr std::size_t batch = 500;
    const std::vector<LeaseId> ids = targets(session, options);
    Outcomes outcomes(session, "released");
    for (std::size_t begin = 0; begin < ids.size(); begin += batch) {
        std::vector<ReleaseRequest> requests;
        for (std::size_t at = begin; at < std::min(ids.size(), begin + batch); ++at)
            requests.push_back({.lease_id = ids[at]});
        const std::vector<ReleaseResult> results = session.storage().release_many(requests);
        for (std::size_t at = 0; at < results.size(); ++at)
            outcomes.add({.id = ids[begin + at], .done = results[at].released, .lease = results[at].lease});
    }
    outcomes.close();
    if (ids.empty()) complain("no active lease is selected");
    return outcomes.all_known() ? exit_code::success : exit_code::not_found;
}

int revoke(Session& session, const LeaseCommandOptions& options) {
    const std::vector<LeaseId> ids = targets(session, options);
    const std::string count = with_thousands(static_cast<std::int64_t>(ids.size()));
    if (options.dry_run) {
        if (session.json) {
            std::cout << Json::object(
                             {{"dry_run", true}, {"selected", static_cast<std::int64_t>(ids.size())}})
                             .dump()
                      << '\n';
        } else {
            std::cout << "would revoke: " << count << '\n';
        }
        return exit_code::success;
    }
    if (options.ids.empty() && !ids.empty()) {
        if (const auto status =
                refused("This revokes " + count + (ids.size() == 1 ? " lease." : " leases."), options.yes))
            return *status;
    }
    ILeaseControl& leases = require_lease_control(session.storage());
    Outcomes outcomes(session, "revoked");
    for (const LeaseId& id : ids) {
        ReleaseResult result = leases.revoke_lease({.lease_id = id});
        outcomes.add({.id = id, .done = result.released, .lease = std::move(result.lease)});
    }
    outcomes.close();
    if (ids.empty()) complain("no active lease is selected");
    return outcomes.all_known() ? exit_code::success : exit_code::not_found;
}

int renew(Session& session, const LeaseCommandOptions& options) {
    const Duration duration = parse_duration(options.duration, "duration");
    validate_lease_duration(duration);
    std::vector<RenewRequest> requests;
    for (const LeaseId& id : parsed(options.ids)) requests.push_back({.lease_id = id, .duration = duration});
    std::vector<RenewResult> results = require_lease_control(session.storage()).renew_many(requests);
    Outcomes outcomes(session, "renewed");
    for (std::size_t at = 0; at < results.size(); ++at) {
        outcomes.add({.id = requests[at].lease_id,
                      .done = results[at].renewed,
                      .lease = std::move(results[at].lease)});
    }
    outcomes.close();
    return outcomes.all_done() ? exit_code::success : exit_code::not_found;
}

int cleanup(Session& session) {
    const std::int64_t count = session.manager().cleanup_expired_leases();
    if (session.json) {
        std::cout << Json::object({{"expired", count}}).dump() << '\n';
    } else {
        std::cout << "expired leases ended: " << with_thousands(count) << '\n';
    }
    return exit_code::success;
}

using Options = std::shared_ptr<LeaseCommandOptions>;

void select(CLI::App& command, Session& session, const Options& options,
            int (*work)(Session&, const LeaseCommandOptions&)) {
    command.callback([&session, options, work] {
        session.selected = [&session, options, work] { return work(session, *options); };
    });
}

}  // namespace

void add_lease_command(CLI::App& app, Session& session) {
    CLI::App* lease = app.add_subcommand("lease", "List leases, and end those of others");
    lease->require_subcommand(1);
    lease->footer("Example:\n  pharox lease list --pool latam\n\nEach subcommand has its own --help.");

    CLI::App* list = lease->add_subcommand("list", "Show who holds which proxy, since when and until when");
    const auto listed = std::make_shared<LeaseCommandOptions>();
    listed->selection.declare(*list);
    list->add_flag("--all", listed->all, "Also leases that have ended, while the store keeps their records");
    list->add_option("--limit", listed->limit, "Stop after this many leases")->type_name("INT");
    list->footer(
        "Examples:\n  pharox lease list --consumer scraper\n"
        "  pharox lease list --proxy 192.0.2.1:8080 --all\n  pharox lease list --pool latam --json");
    select(*list, session, listed, list_leases);

    CLI::App* revoke_command = lease->add_subcommand("revoke", "End leases of other holders");
    const auto revoked = std::make_shared<LeaseCommandOptions>();
    revoke_command->add_option("LEASE", revoked->ids, "Ids, from pharox lease list");
    revoked->selection.declare(*revoke_command);
    revoke_command->add_flag("--yes", revoked->yes, "Do not ask for confirmation");
    revoke_command->add_flag("--dry-run", revoked->dry_run, "Only count the leases");
    revoke_command->footer(
        "The proxy is free at once; the holder learns it at its next renewal. Without ids, the command asks "
        "for\n"
        "confirmation.\n\n"
        "Examples:\n  pharox lease revoke 01890a5d-ac96-774b-bcce-b302099a8057\n"
        "  pharox lease revoke --pool latam --consumer scraper --yes");
    select(*revoke_command, session, revoked, revoke);
}

void add_release_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("release", "Give leased proxies back");
    const auto options = std::make_shared<LeaseCommandOptions>();
    command->add_option("LEASE", options->ids, "Ids, from pharox acquire");
    options->selection.declare(*command);
    command->footer(
        "A lease that has ended already is no error; an unknown one is exit status 4.\n\n"
        "Examples:\n  pharox release 01890a5d-ac96-774b-bcce-b302099a8057\n"
        "  pharox release --consumer nightly-job\n  pharox release --proxy 192.0.2.1:8080");
    select(*command, session, options, release);
}

void add_renew_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("renew", "Extend leases");
    const auto options = std::make_shared<LeaseCommandOptions>();
    command->add_option("LEASE", options->ids, "Ids, from pharox acquire")->required();
    command->add_option("--duration", options->duration, "The leases last at least this long from now")
        ->capture_default_str();
    command->footer(
        "A renewal never shortens a lease. Exit status 4: a lease has ended, or is not known.\n\n"
        "Example:\n  pharox renew 01890a5d-ac96-774b-bcce-b302099a8057 --duration 10m");
    select(*command, session, options, renew);
}

void add_cleanup_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("cleanup", "Collect expired leases (other commands also do so)");
    command->footer("Example:\n  pharox cleanup --json");
    command->callback([&session] { session.selected = [&session] { return cleanup(session); }; });
}

}  // namespace pharox::cli
