// pharox proxy list | set-status | remove
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "filter_options.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct ProxyOptions {
    std::string pool;
    std::optional<std::string> status{};
    bool show_secrets = false;
    bool force = false;
    std::vector<std::string> ids{};
    FilterOptions filters{};
};

template <class Visit>
void for_each_proxy(ICatalog& catalog, ListProxiesRequest request, const Visit& visit) {
    do {
        const Page<Proxy> page = catalog.list_proxies(request);
        for (const Proxy& proxy : page.items) visit(proxy);
        request.after = page.next;
    } while (!request.after.empty());
}

std::string leases_text(const Proxy& proxy) {
    std::string text = with_thousands(proxy.current_leases);
    if (proxy.max_concurrency) text += "/" + with_thousands(*proxy.max_concurrency);
    return text;
}

int list_proxies(Session& session, const ProxyOptions& options) {
    ListProxiesRequest request{.pool = options.pool, .filters = options.filters.filters(), .limit = 1'000};
    if (options.status) request.status = parse_proxy_status(*options.status);
    session.pool(options.pool);  // throws for an unknown pool; otherwise its list would be empty
    const Secrets secrets = options.show_secrets ? Secrets::shown : Secrets::hidden;
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

int set_status(Session& session, const ProxyOptions& options) {
    const ProxyStatus status = parse_proxy_status(options.status.value_or(""));
    std::vector<Proxy> proxies;  // all of them must exist before any is changed
    for (const std::string& text : options.ids) {
        const ProxyId id = ProxyId::parse(text);
        auto proxy = session.catalog().get_proxy(id);
        if (!proxy) throw ProxyNotFoundError(id);
        proxies.push_back(*std::move(proxy));
    }
    for (Proxy& proxy : proxies) {
        proxy.status = status;
        session.catalog().update_proxy(proxy);
    }
    if (session.json) {
        std::cout << Json::object({{"updated", static_cast<std::int64_t>(proxies.size())},
                                   {"status", to_string(status)}})
                         .dump()
                  << '\n';
    } else {
        std::cout << "set to " << to_string(status) << ": "
                  << with_thousands(static_cast<std::int64_t>(proxies.size())) << '\n';
    }
    return exit_code::success;
}

int remove_proxies(Session& session, const ProxyOptions& options) {
    std::int64_t removed = 0;
    std::int64_t revoked = 0;
    std::vector<ProxyId> ids;
    for (const std::string& text : options.ids) ids.push_back(ProxyId::parse(text));
    for (const ProxyId& id : ids) {  // all of them must exist before any is removed
        if (!session.catalog().get_proxy(id)) throw ProxyNotFoundError(id);
    }
    for (const ProxyId& id : ids) {
        const RemoveResult result = session.catalog().remove_proxy(id, options.force);
        if (!result.removed) throw ProxyNotFoundError(id);
        ++removed;
        revoked += result.revoked_leases;
    }
    if (session.json) {
        std::cout << Json::object({{"removed", removed}, {"revoked_leases", revoked}}).dump() << '\n';
    } else {
        std::cout << "removed " << with_thousands(removed) << ", leases revoked: " << with_thousands(revoked)
                  << '\n';
    }
    return exit_code::success;
}

}  // namespace

void add_proxy_command(CLI::App& app, Session& session) {
    CLI::App* proxy = app.add_subcommand("proxy", "List proxies, set their status, remove them");
    proxy->require_subcommand(1);
    proxy->footer("Example:\n  pharox proxy list --pool latam\n\nEach subcommand has its own --help.");
    const auto options = std::make_shared<ProxyOptions>();
    const auto select = [&session, options](CLI::App* command, int (*work)(Session&, const ProxyOptions&)) {
        command->callback([&session, options, work] {
            session.selected = [&session, options, work] { return work(session, *options); };
        });
    };

    CLI::App* list = proxy->add_subcommand("list", "List the proxies of a pool, without their passwords");
    list->add_option("-p,--pool", options->pool, "The pool")->required();
    list->add_option("--status", options->status, "active, inactive, slow or banned");
    list->add_flag("--show-secrets", options->show_secrets, "Print users and passwords");
    options->filters.declare(*list);
    list->footer("Example:\n  pharox proxy list --pool latam --country AR --json");
    select(list, list_proxies);

    CLI::App* status =
        proxy->add_subcommand("set-status", "Set the status of proxies (active ones can be leased)");
    status->add_option("STATUS", options->status, "active, inactive, slow or banned")->required();
    status->add_option("ID", options->ids, "Ids, from pharox proxy list")->required();
    status->footer("Example:\n  pharox proxy set-status banned 01890a5d-ac96-774b-bcce-b302099a8057");
    select(status, set_status);

    CLI::App* remove = proxy->add_subcommand("remove", "Remove proxies");
    remove->add_option("ID", options->ids, "Ids, from pharox proxy list")->required();
    remove->add_flag("--force", options->force, "Revoke active leases");
    remove->footer("Example:\n  pharox proxy remove --force 01890a5d-ac96-774b-bcce-b302099a8057");
    select(remove, remove_proxies);
}

}  // namespace pharox::cli
