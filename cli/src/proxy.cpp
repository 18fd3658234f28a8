// pharox proxy list | show | set | set-status | ban | remove
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "confirmation.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "proxy_changes.hpp"
#include "proxy_selection.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct ProxyOptions {
    ProxySelection selection{};
    ProxyChanges changes{};
    std::string status{};
    bool show_secrets = false;
    bool force = false;
    bool yes = false;
    bool dry_run = false;
};

struct ListOptions {
    std::string pool;
    std::optional<std::string> status{};
    bool show_secrets = false;
    FilterOptions filters{};
};

Secrets secrets_of(bool show) { return show ? Secrets::shown : Secrets::hidden; }

std::string leases_text(const Proxy& proxy) {
    std::string text = with_thousands(proxy.current_leases);
    if (proxy.max_concurrency) text += "/" + with_thousands(*proxy.max_concurrency);
    return text;
}

int list_proxies(Session& session, const ListOptions& options) {
    ListProxiesRequest request{.pool = options.pool, .filters = options.filters.filters()};
    if (options.status) request.status = parse_proxy_status(*options.status);
    session.pool(options.pool);  // throws for an unknown pool; otherwise its list would be empty
    const Secrets secrets = secrets_of(options.show_secrets);
    if (session.json) {
        JsonList json(std::cout, "{\"proxies\": [", "]}");
        for_each_proxy(session.catalog(), request,
                       [&](const Proxy& proxy) { json.add(proxy_json(proxy, secrets)); });
        json.close();
        return exit_code::success;
    }
    Table table({{.title = "ID"},
                 {.title = "PROXY"},
                 {.title = "STATUS"},
                 {.title = "LEASES", .align = Table::Align::right},
                 {.title = "COUNTRY"},
                 {.title = "SOURCE"}});
    for_each_proxy(session.catalog(), request, [&](const Proxy& proxy) {
        table.add_row({proxy.id.to_string(), proxy_text(proxy, secrets), std::string(to_string(proxy.status)),
                       leases_text(proxy), proxy.country.value_or("-"), proxy.source.value_or("-")});
    });
    table.print(std::cout);
    return exit_code::success;
}

/// The result of the last health check, or null.
Json last_check(Session& session, ProxyId id) {
    IHealthLog* const log = session.storage().health_log();
    const auto result = log == nullptr ? std::nullopt : log->get_last_health_result(id);
    return result ? to_json(*result) : Json();
}

std::vector<Lease> active_leases(Session& session, ProxyId id) {
    std::vector<Lease> leases;
    ILeaseControl* const control = session.storage().lease_control();
    if (control == nullptr) return leases;
    ListLeasesRequest request{.proxy_id = id, .status = LeaseStatus::active, .limit = 1'000};
    do {
        Page<Lease> page = control->list_leases(request);
        leases.insert(leases.end(), page.items.begin(), page.items.end());
        request.after = std::move(page.next);
    } while (!request.after.empty());
    return leases;
}

std::string scalar_text(const Json& value) { return value.as_string().value_or(value.dump()); }

int show_proxies(Session& session, const ProxyOptions& options) {
    const Secrets secrets = secrets_of(options.show_secrets);
    const std::vector<ProxyId> ids = options.selection.ids(session);
    std::optional<JsonList> json;
    if (session.json) json.emplace(std::cout, "{\"proxies\": [", "]}");
    bool first = true;
    for (const ProxyId& id : ids) {
        const auto found = session.catalog().get_proxy(id);
        if (!found) continue;  // removed meanwhile
        const Proxy& proxy = *found;
        const std::vector<Lease> leases = active_leases(session, proxy.id);
        const Json check = last_check(session, proxy.id);
        if (json) {
            Json list = Json::array();
            for (const Lease& lease : leases) list = list.with_element(to_json(lease));
            json->add(proxy_json(proxy, secrets).with("leases", list).with("last_check", check));
            continue;
        }
        if (!std::exchange(first, false)) std::cout << '\n';
        std::cout << printable(proxy_text(proxy, secrets)) << '\n';
        proxy_json(proxy, secrets).for_each_member([](const std::string& name, const Json& value) {
            const bool shown_above = name == "credentials" || name == "host" || name == "port";
            if (!shown_above && !value.is_null())
                std::cout << "  " << name << ": " << printable(scalar_text(value)) << '\n';
        });
        for (const Lease& lease : leases)
            std::cout << "  lease: " << lease.id << " until " << short_time(lease.expires_at) << '\n';
        if (!check.is_null()) std::cout << "  last_check: " << printable(check.dump()) << '\n';
    }
    if (json) json->close();
    return exit_code::success;
}

/// Changes each proxy in a transaction of its own, so that no lock is held for long. Every proxy is read
/// again before it is changed, and one that has been removed meanwhile is left out.
int change_proxies(Session& session, const ProxyOptions& options, const ProxyChanges& changes,
                   const std::string& done_text, const Json& head) {
    const std::vector<ProxyId> ids = options.selection.ids(session);
    ICatalog& catalog = session.catalog();
    std::int64_t updated = 0;
    for (const ProxyId& id : ids) {
        auto proxy = catalog.get_proxy(id);
        if (!proxy || !changes.apply(*proxy)) continue;
        if (!options.dry_run) catalog.update_proxy(*proxy);
        ++updated;
    }
    if (session.json) {
        std::cout << head.with("dry_run", options.dry_run)
                         .with("selected", static_cast<std::int64_t>(ids.size()))
                         .with("updated", updated)
                         .dump()
                  << '\n';
    } else {
        std::cout << (options.dry_run ? "would be " : "") << done_text << ": " << with_thousands(updated)
                  << " of " << with_thousands(static_cast<std::int64_t>(ids.size())) << '\n';
    }
    return exit_code::success;
}

int set_proxies(Session& session, const ProxyOptions& options) {
    ProxyChanges changes = options.changes;
    changes.parse();
    return change_proxies(session, options, changes, "changed", Json::object());
}

int set_status(Session& session, const ProxyOptions& options) {
    const ProxyStatus status = parse_proxy_status(options.status);
    return change_proxies(session, options, ProxyChanges(status), "set to " + std::string(to_string(status)),
                          Json::object({{"status", to_string(status)}}));
}

int ban(Session& session, const ProxyOptions& options) {
    ProxyOptions banned = options;
    banned.status = to_string(ProxyStatus::banned);
    return set_status(session, banned);
}

int remove_proxies(Session& session, const ProxyOptions& options) {
    const std::vector<ProxyId> ids = options.selection.ids(session);
    const std::string count = with_thousands(static_cast<std::int64_t>(ids.size()));
    std::int64_t removed = 0;
    std::int64_t revoked = 0;
    if (!options.dry_run) {
        if (!options.selection.is_list_of_ids() && !ids.empty()) {
            const std::string question =
                "This removes " + count + (ids.size() == 1 ? " proxy." : " proxies.");
            if (const auto status = refused(question, options.yes)) return *status;
        }
        for (const ProxyId& id : ids) {
            const RemoveResult result = session.catalog().remove_proxy(id, options.force);
            removed += result.removed ? 1 : 0;
            revoked += result.revoked_leases;
        }
    }
    if (session.json) {
        std::cout << Json::object({{"dry_run", options.dry_run},
                                   {"selected", static_cast<std::int64_t>(ids.size())},
                                   {"removed", removed},
                                   {"revoked_leases", revoked}})
                         .dump()
                  << '\n';
    } else if (options.dry_run) {
        std::cout << "would be removed: " << count << '\n';
    } else {
        std::cout << "removed " << with_thousands(removed) << ", leases revoked: " << with_thousands(revoked)
                  << '\n';
    }
    return exit_code::success;
}

}  // namespace

void add_proxy_command(CLI::App& app, Session& session) {
    CLI::App* proxy = app.add_subcommand("proxy", "List, show, change and remove proxies");
    proxy->require_subcommand(1);
    proxy->footer("Example:\n  pharox proxy list --pool latam\n\nEach subcommand has its own --help.");

    CLI::App* list = proxy->add_subcommand("list", "List the proxies of a pool, without their passwords");
    const auto listed = std::make_shared<ListOptions>();
    list->add_option("-p,--pool", listed->pool, "The pool")->required();
    list->add_option("--status", listed->status, "active, inactive, slow or banned");
    list->add_flag("--show-secrets", listed->show_secrets, "Print users and passwords");
    listed->filters.declare(*list);
    list->footer("Example:\n  pharox proxy list --pool latam --country AR --json");
    list->callback([&session, listed] {
        session.selected = [&session, listed] { return list_proxies(session, *listed); };
    });

    // Each command has options of its own.
    const auto add = [&](const char* name, const char* description, const char* footer,
                         int (*work)(Session&, const ProxyOptions&)) {
        CLI::App* command = proxy->add_subcommand(name, description);
        const auto options = std::make_shared<ProxyOptions>();
        command->footer(footer);
        command->callback([&session, options, work] {
            session.selected = [&session, options, work] { return work(session, *options); };
        });
        return std::pair(command, options);
    };
    const auto add_dry_run = [](CLI::App* command, bool& dry_run) {
        command->add_flag("--dry-run", dry_run, "Only count the proxies");
    };

    const auto [show, shown] =
        add("show", "Show proxies with all attributes, their leases and the last health check",
            "Example:\n  pharox proxy show 192.0.2.1:8080", show_proxies);
    show->add_flag("--show-secrets", shown->show_secrets, "Print users and passwords");
    shown->selection.declare(*show);

    const auto [set, to_set] =
        add("set", "Change attributes of proxies",
            "Running leases stay. Each proxy is changed in a transaction of its own: after a failure the "
            "earlier\n"
            "ones are changed, and the command can be repeated.\n\n"
            "Examples:\n  pharox proxy set --pool latam --country AR --max-concurrency 3\n"
            "  pharox proxy set 192.0.2.1:8080 --set-country BR --add-tag mobile --dry-run",
            set_proxies);
    to_set->selection.declare(*set);
    to_set->changes.declare(*set);
    add_dry_run(set, to_set->dry_run);

    const auto [status, with_status] =
        add("set-status", "Set the status of proxies (active ones can be leased)",
            "Examples:\n  pharox proxy set-status banned 01890a5d-ac96-774b-bcce-b302099a8057\n"
            "  pharox proxy set-status active --pool latam --status inactive",
            set_status);
    status->add_option("STATUS", with_status->status, "active, inactive, slow or banned")->required();
    with_status->selection.declare(*status);
    add_dry_run(status, with_status->dry_run);

    const auto [ban_command, banned] =
        add("ban", "Ban proxies: no new lease, and no health check changes this",
            "Running leases stay; pharox lease revoke --proxy ends them.\n\n"
            "Examples:\n  pharox proxy ban 192.0.2.1\n  pharox proxy ban --pool latam --source leaky",
            ban);
    banned->selection.declare(*ban_command);
    add_dry_run(ban_command, banned->dry_run);

    const auto [remove, removed] =
        add("remove", "Remove proxies",
            "Without ids, the command asks for confirmation.\n\n"
            "Examples:\n  pharox proxy remove --force 01890a5d-ac96-774b-bcce-b302099a8057\n"
            "  pharox proxy remove --pool latam --status banned --yes",
            remove_proxies);
    removed->selection.declare(*remove);
    remove->add_flag("--force", removed->force, "Revoke active leases");
    remove->add_flag("--yes", removed->yes, "Do not ask for confirmation");
    add_dry_run(remove, removed->dry_run);
}

}  // namespace pharox::cli
