// pharox acquire
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "exit_code.hpp"
#include "interruptible_lease.hpp"
#include "lease_options.hpp"
#include "output.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct AcquireOptions {
    LeaseOptions lease{};
    bool show_url = false;
};

int acquire(Session& session, const AcquireOptions& options) {
    const AcquireRequest request = options.lease.request();
    const SignalInbox inbox;
    const auto [got, signal, may_be_leased] = acquire_interruptibly<AcquireResult, AcquireOutcome>(
        inbox, request, [&](const AcquireRequest& attempt, AcquireCompletion done, std::stop_token stop) {
            session.manager().acquire_async(attempt, std::move(done), std::move(stop));
        });
    if (signal) {
        if (got || may_be_leased) {
            const LeaseId unwanted = got ? got.lease().id : *may_be_leased;
            release_before_exit([&session, unwanted, pool = request.pool] {
                session.manager().release(ReleaseRequest{.lease_id = unwanted, .pool = pool});
            });
        }
        die_by(*signal);
    }
    if (!got) {
        report_miss(session, request.pool, got.miss());
        return got.miss() == Miss::pool_unknown ? exit_code::not_found : exit_code::no_proxy;
    }
    const Secrets secrets = options.show_url ? Secrets::shown : Secrets::hidden;
    if (session.json) {
        std::cout << lease_json(got.leased(), secrets).dump() << '\n';
    } else {
        std::cout << "lease    " << got.lease().id << '\n'
                  << "proxy    " << printable(proxy_text(got.proxy(), secrets)) << '\n'
                  << "expires  " << short_time(got.lease().expires_at) << '\n';
    }
    if (!std::cout.flush())
        session.manager().release(got.lease());  // the caller does not know the lease's id
    return exit_code::success;
}

}  // namespace

void add_acquire_command(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("acquire", "Lease a proxy until it is released or expires");
    const auto options = std::make_shared<AcquireOptions>();
    options->lease.declare(*command);
    command->add_flag("--show-url", options->show_url,
                      "Print the proxy's whole URL, which holds its password");
    command->footer(
        "Examples:\n  pharox acquire --pool latam --duration 10m --json\n"
        "  pharox acquire --pool latam --country AR --wait 30s --show-url\n\n"
        "Exit status 3: no proxy is available. For one command, pharox run does all of it.");
    command->callback([&session, options] {
        session.selected = [&session, options] { return acquire(session, *options); };
    });
}

}  // namespace pharox::cli
