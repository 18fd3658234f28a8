// pharox run: a lease for as long as a command runs.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "child_process.hpp"
#include "command_watch.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "interruptible_lease.hpp"
#include "lease_options.hpp"
#include "output.hpp"
#include "pharox/errors.hpp"
#include "proxy_environment.hpp"
#include "signal_inbox.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

struct RunOptions {
    LeaseOptions lease{};
    std::string on_lost = "warn";
    std::string kill_after = "5s";
    bool keep_no_proxy = false;
    bool local_names = false;
    bool verbose = false;
};

/// The options, checked before anything is leased.
struct RunPlan {
    AcquireRequest request;
    WatchOptions watch{};
    ProxyEnvironmentOptions environment{};
    bool verbose = false;
};

RunPlan make_plan(const RunOptions& options) {
    RunPlan plan{.request = options.lease.request(),
                 .watch = {.kill_after = parse_duration(options.kill_after, "kill-after")},
                 .environment = {.lookup = options.local_names ? NameLookup::local : NameLookup::at_proxy,
                                 .keep_no_proxy = options.keep_no_proxy},
                 .verbose = options.verbose};
    if (options.on_lost == "kill") {
        plan.watch.on_lost = OnLost::kill;
    } else if (options.on_lost != "warn") {
        throw ValidationError("on-lost", options.on_lost, "is none of warn, kill");
    }
    return plan;
}

std::vector<std::string> own_environment() {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
    return entries;
}

int run_held(HeldLease& held, const RunPlan& plan, const std::vector<std::string>& command,
             const CommandGuard& guard, SignalInbox& inbox) {
    const LeasedProxy leased(held.proxy(), held.lease());
    const ChildCommand child{.arguments = command,
                             .environment = proxy_environment(own_environment(), leased, plan.environment)};
    try {
        return run_command(child, "PHAROX_LEASE_ID=" + held.lease().id.to_string(), guard, inbox, held.lost(),
                           plan.watch);
    } catch (const std::system_error& error) {
        complain(without_password(command.front()) + ": " + error.code().message());
        if (error.code() == std::errc::no_such_file_or_directory) return run_exit_code::not_found;
        return std::string_view(error.what()).starts_with("exec") ? run_exit_code::not_executable
                                                                  : run_exit_code::pharox_failed;
    }
}

/// A new signal ends a release that hangs: this process then exits with `status`.
void release(HeldLease& lease, const SignalInbox& inbox, int status) {
    while (inbox.next()) continue;  // these were for the command, which has ended
    const auto call = std::make_shared<InterruptibleCall>(inbox);
    const auto problem = std::make_shared<std::string>();
    std::thread thread([&lease, call, problem] {
        try {
            lease.release();
        } catch (const std::exception& error) {
            *problem = error.what();
        }
        call->finished();
    });
    call->wait();
    if (!call->is_finished()) {
        complain("the lease was not released and ends by its expiry: interrupted");
        std::_Exit(status);  // the other thread still uses the lease
    }
    thread.join();
    // The command's status is more important; the lease ends by expiry.
    if (!problem->empty()) complain("the lease was not released and ends by its expiry: " + *problem);
}

int lease_and_run(Session& session, const RunOptions& options, const std::vector<std::string>& command) {
    if (command.empty())
        throw ValidationError("command", {}, "is missing: pharox run --pool POOL -- COMMAND…");
    const RunPlan plan = make_plan(options);
    SignalInbox inbox;
    const CommandGuard guard;
    auto [held, signal, may_be_leased] = acquire_interruptibly<HoldResult, HoldOutcome>(
        inbox, plan.request, [&](const AcquireRequest& request, HoldCompletion done, std::stop_token stop) {
            session.manager().hold_async(request, {.renew = true}, std::move(done), std::move(stop));
        });
    if (signal) {
        if (held || may_be_leased) {
            const LeaseId unwanted = held ? (*held).lease().id : *may_be_leased;
            release_before_exit([&session, unwanted, pool = plan.request.pool] {
                session.manager().release(ReleaseRequest{.lease_id = unwanted, .pool = pool});
            });
        }
        die_by(*signal);
    }
    if (!held) {
        report_miss(session, plan.request.pool, held.miss());
        return run_exit_code::no_proxy;
    }
    HeldLease& lease = *held;
    if (plan.verbose) {
        complain("leased " + lease.proxy().redacted_url() + " until " + short_time(lease.lease().expires_at) +
                 ", renewed while the command runs");
    }
    const int status = run_held(lease, plan, command, guard, inbox);
    release(lease, inbox, status);
    return status;
}

}  // namespace

void add_run_command(CLI::App& app, Session& session, const std::vector<std::string>& command) {
    CLI::App* run = app.add_subcommand("run", "Run a command through a leased proxy");
    const auto options = std::make_shared<RunOptions>();
    options->lease.declare(*run);
    run->add_option("--on-lost", options->on_lost,
                    "If the lease is lost meanwhile: warn, or kill the command (SIGTERM, then SIGKILL)")
        ->capture_default_str();
    run->add_option("--kill-after", options->kill_after, "From SIGTERM to SIGKILL with --on-lost kill")
        ->capture_default_str();
    run->add_flag("--keep-no-proxy", options->keep_no_proxy,
                  "Leave no_proxy set: its hosts go round the proxy");
    run->add_flag("--local-names", options->local_names,
                  "With SOCKS, resolve names here and not at the proxy (socks4://, socks5://)");
    run->add_flag("-v,--verbose", options->verbose, "Print which proxy was leased, without its password");
    run->footer(R"(  pharox run --pool POOL [OPTIONS] -- COMMAND [ARGUMENT…]

The command goes behind --, and finds the proxy in http_proxy, https_proxy, ftp_proxy, all_proxy (also in
upper case), PHAROX_PROXY_URL, PHAROX_LEASE_ID, PHAROX_EXPIRES_AT and PHAROX_POOL; no_proxy is unset. The lease is
renewed while it runs and released when it ends. Signals are passed on. Should pharox be killed, so is the command
with its descendants.

Examples:
  pharox run --pool latam --country AR -- curl -s https://example.org
  pharox run --pool latam --wait 30s --on-lost kill -- python3 scrape.py

Exit status: the command's own, or 128 + n if signal n killed it · 123 no proxy available · 124 the lease was lost
and --on-lost kill ended the command · 125 pharox failed · 126 the command cannot be run · 127 it was not found.)");
    run->callback([&session, &command, options] {
        session.selected = [&session, &command, options] {
            int status = run_exit_code::pharox_failed;
            const int guarded_status = guarded(session, [&] {
                status = lease_and_run(session, *options, command);
                return exit_code::success;
            });
            return guarded_status == exit_code::success ? status : run_exit_code::pharox_failed;
        };
    });
}

}  // namespace pharox::cli
