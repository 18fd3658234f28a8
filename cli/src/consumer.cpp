// pharox consumer list | add | remove
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

struct ConsumerOptions {
    std::vector<std::string> names{};
    bool force = false;
};

int list_consumers(Session& session, const ConsumerOptions& /*options*/) {
    std::optional<JsonList> json;
    Table table({{.title = "CONSUMER"}, {.title = "ID"}});
    if (session.json) json.emplace(std::cout, "{\"consumers\": [", "]}");
    ListRequest request{.limit = 1'000};
    do {
        const Page<Consumer> page = session.catalog().list_consumers(request);
        for (const Consumer& consumer : page.items) {
            if (json) {
                json->add(to_json(consumer));
            } else {
                table.add_row({consumer.name, consumer.id.to_string()});
            }
        }
        request.after = page.next;
    } while (!request.after.empty());
    json ? json->close() : table.print(std::cout);
    return exit_code::success;
}

int add_consumer(Session& session, const ConsumerOptions& options) {
    const Consumer consumer = session.catalog().add_consumer({.name = options.names.front()});
    if (session.json) {
        std::cout << to_json(consumer).dump() << '\n';
    } else {
        std::cout << "consumer \"" << printable(consumer.name) << "\" added\n";
    }
    return exit_code::success;
}

int remove_consumers(Session& session, const ConsumerOptions& options) {
    for (const std::string& name : options.names)  // all of them must exist before any is removed
        if (!session.catalog().get_consumer(name)) throw ConsumerNotFoundError(name);
    std::int64_t removed = 0;
    std::int64_t revoked = 0;
    for (const std::string& name : options.names) {
        const RemoveResult result = session.catalog().remove_consumer(name, options.force);
        removed += result.removed ? 1 : 0;
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

void add_consumer_command(CLI::App& app, Session& session) {
    CLI::App* consumer = app.add_subcommand("consumer", "List, add and remove consumers");
    consumer->require_subcommand(1);
    consumer->footer("Example:\n  pharox consumer list\n\nEach subcommand has its own --help.");
    const auto options = std::make_shared<ConsumerOptions>();
    const auto select = [&session, options](CLI::App* command,
                                            int (*work)(Session&, const ConsumerOptions&)) {
        command->callback([&session, options, work] {
            session.selected = [&session, options, work] { return work(session, *options); };
        });
    };

    CLI::App* list = consumer->add_subcommand("list", "List the consumers");
    list->footer("Example:\n  pharox consumer list --json");
    select(list, list_consumers);

    CLI::App* add = consumer->add_subcommand("add", "Register a consumer (acquire and run also do so)");
    add->add_option("NAME", options->names, "At most 128 bytes")->required()->expected(1);
    add->footer("Example:\n  pharox consumer add nightly-job");
    select(add, add_consumer);

    CLI::App* remove = consumer->add_subcommand("remove", "Remove consumers");
    remove->add_option("NAME", options->names, "The consumers")->required();
    remove->add_flag("--force", options->force, "Revoke active leases");
    remove->footer("Example:\n  pharox consumer remove nightly-job --force");
    select(remove, remove_consumers);
}

}  // namespace pharox::cli
