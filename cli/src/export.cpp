// pharox export
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "commands.hpp"
#include "exit_code.hpp"
#include "filter_options.hpp"
#include "option_checks.hpp"
#include "output.hpp"
#include "pharox/lists/writer.hpp"
#include "private_file.hpp"
#include "proxy_selection.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct ExportOptions {
    std::string pool;
    std::string format = "lines";
    std::string output;
    std::optional<std::string> status{};
    FilterOptions filters{};
    bool show_secrets = false;
    bool without_secrets = false;
    bool replace = false;
};

ListProxiesRequest request_of(const ExportOptions& options) {
    ListProxiesRequest request{.pool = options.pool, .filters = options.filters.filters()};
    if (options.status) request.status = parse_proxy_status(*options.status);
    return request;
}

/// Throws UsageError before anything is written: a list without its passwords looks complete.
void require_no_secrets(Session& session, const ListProxiesRequest& request) {
    for_each_proxy(session.catalog(), request, [](const Proxy& proxy) {
        if (proxy.credentials) {
            throw UsageError(
                "the proxies have passwords: --show-secrets exports them, --without-secrets leaves "
                "them out");
        }
    });
}

std::int64_t write(Session& session, const ExportOptions& options, std::ostream& out) {
    std::int64_t count = 0;
    lists::Writer writer(out, lists::parse_write_format(options.format, "format"));
    for_each_proxy(session.catalog(), request_of(options), [&](Proxy proxy) {
        if (options.without_secrets) proxy.credentials.reset();
        writer.add(proxy);
        ++count;
    });
    writer.finish();
    return count;
}

int export_list(Session& session, const ExportOptions& options) {
    if (options.show_secrets && options.without_secrets)
        throw UsageError("--show-secrets and --without-secrets exclude each other");
    if (session.json && options.output.empty()) {
        throw UsageError(
            "--json reports on a file: add --output FILE, or use --format json for the list itself");
    }
    lists::parse_write_format(options.format, "format");
    const ListProxiesRequest request = request_of(options);
    session.pool(options.pool);
    if (!options.show_secrets && !options.without_secrets) require_no_secrets(session, request);
    if (options.output.empty()) {
        write(session, options, std::cout);
        return exit_code::success;
    }
    PrivateFile file(options.output, options.replace);
    const std::int64_t count = write(session, options, file.stream());
    file.publish();
    if (session.json) {
        std::cout << Json::object({{"pool", options.pool},
                                   {"file", options.output},
                                   {"format", options.format},
                                   {"proxies", count}})
                         .dump()
                  << '\n';
    } else {
        std::cout << printable(options.output) << ": " << with_thousands(count)
                  << (count == 1 ? " proxy\n" : " proxies\n");
    }
    return exit_code::success;
}

}  // namespace

void add_export_command(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("export", "Write the proxies of a pool as a list that import reads");
    const auto options = std::make_shared<ExportOptions>();
    command->add_option("-p,--pool", options->pool, "The pool")->required()->check(not_empty());
    command->add_option("--format", options->format, "lines, urls, csv, json, json-lines, clash or base64")
        ->capture_default_str();
    command->add_option("-o,--output", options->output, "A file that only its owner can read")
        ->check(not_empty());
    command->add_flag("--replace", options->replace, "Replace an existing file");
    command->add_flag("--show-secrets", options->show_secrets, "With users and passwords");
    command->add_flag("--without-secrets", options->without_secrets, "Without users and passwords");
    command->add_option("--status", options->status,
                        "Only proxies that are active, inactive, slow or banned");
    options->filters.declare(*command);
    command->footer(
        "All formats contain protocol, host, port, user and password; csv, json and json-lines also place,\n"
        "source, limit, weight and tags. If a proxy has a password, --show-secrets or --without-secrets is\n"
        "required.\n\n"
        "Examples:\n  pharox export --pool latam --format csv --show-secrets --output latam.csv\n"
        "  pharox export --pool latam --status active --without-secrets");
    command->callback([&session, options] {
        session.selected = [&session, options] { return export_list(session, *options); };
    });
}

}  // namespace pharox::cli
