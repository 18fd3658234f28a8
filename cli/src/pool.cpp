// pharox pool add | list | remove
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/serialization.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct PoolOptions {
    std::string name;
    std::optional<std::string> description{};
    bool force = false;
};

int add_pool(Session& session, const PoolOptions& options) {
    const ProxyPool pool =
        session.catalog().add_pool({.name = options.name, .description = options.description});
    if (session.json) {
        std::cout << to_json(pool).dump() << '\n';
    } else {
        std::cout << "pool \"" << printable(pool.name) << "\" added\n";
    }
    return exit_code::success;
}

int list_pools(Session& session) {
    const std::vector<ProxyPool> pools = session.pools();
    if (session.json) {
        JsonList json(std::cout, "{\"pools\": [", "]}");
        for (const ProxyPool& pool : pools) json.add(to_json(pool));
        json.close();
        return exit_code::success;
    }
    Table table({{.title = "POOL"}, {.title = "DESCRIPTION"}});
    for (const ProxyPool& pool : pools) table.add_row({pool.name, pool.description.value_or("")});
    table.print(std::cout);
    return exit_code::success;
}

int remove_pool(Session& session, const PoolOptions& options) {
    const RemoveResult result = session.catalog().remove_pool(options.name, options.force);
    if (!result.removed) throw PoolNotFoundError(options.name);
    if (session.json) {
        std::cout << Json::object({{"pool", options.name},
                                   {"removed", true},
                                   {"revoked_leases", result.revoked_leases}})
                         .dump()
                  << '\n';
    } else {
        std::cout << "pool \"" << printable(options.name)
                  << "\" removed, leases revoked: " << with_thousands(result.revoked_leases) << '\n';
    }
    return exit_code::success;
}

}  // namespace

void add_pool_command(CLI::App& app, Session& session) {
    CLI::App* pool = app.add_subcommand("pool", "Add, list and remove pools");
    pool->require_subcommand(1);
    pool->footer("Example:\n  pharox pool list\n\nEach subcommand has its own --help.");
    const auto options = std::make_shared<PoolOptions>();

    CLI::App* add = pool->add_subcommand("add", "Add an empty pool");
    add->add_option("NAME", options->name, "At most 128 bytes")->required();
    add->add_option("--description", options->description, "The purpose of the pool");
    add->footer("Example:\n  pharox pool add latam --description 'residential, paid monthly'");
    add->callback([&session, options] {
        session.selected = [&session, options] { return add_pool(session, *options); };
    });

    CLI::App* list = pool->add_subcommand("list", "List the pools");
    list->footer("Example:\n  pharox pool list --json");
    list->callback([&session] { session.selected = [&session] { return list_pools(session); }; });

    CLI::App* remove = pool->add_subcommand("remove", "Remove a pool with its proxies");
    remove->add_option("NAME", options->name, "The pool")->required();
    remove->add_flag("--force", options->force, "Revoke active leases");
    remove->footer("Example:\n  pharox pool remove latam --force");
    remove->callback([&session, options] {
        session.selected = [&session, options] { return remove_pool(session, *options); };
    });
}

}  // namespace pharox::cli
