// pharox run: a lease for as long as a command runs.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <memory>
#include <stop_token>
#include <system_error>

#include "child_process.hpp"
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

using Steady = std::chrono::steady_clock;

enum class OnLost : std::uint8_t { warn, kill };

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
    OnLost on_lost = OnLost::warn;
    Duration kill_after{};
    ProxyEnvironmentOptions environment{};
    bool verbose = false;
};

RunPlan make_plan(const RunOptions& options) {
    RunPlan plan{.request = options.lease.request(),
                 .kill_after = parse_duration(options.kill_after, "kill-after"),
                 .environment = {.lookup = options.local_names ? NameLookup::local : NameLookup::at_proxy,
                                 .keep_no_proxy = options.keep_no_proxy},
                 .verbose = options.verbose};
    if (options.on_lost == "kill") {
        plan.on_lost = OnLost::kill;
    } else if (options.on_lost != "warn") {
        throw ValidationError("on-lost", options.on_lost, "is none of warn, kill");
    }
    return plan;
}

/// Becomes readable when the lease is lost.
class LostNotice {
  public:
    explicit LostNotice(const std::stop_token& lost)
        : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          callback_(lost, Signal{descriptor_.number}) {}

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.number; }

  private:
    struct Descriptor {
        explicit Descriptor(int opened) : number(opened) {}
        Descriptor(const Descriptor&) = delete;
        Descriptor& operator=(const Descriptor&) = delete;
        ~Descriptor() { ::close(number); }
        int number;
    };
    struct Signal {
        int descriptor;
        void operator()() const noexcept { ::eventfd_write(descriptor, 1); }
    };
    Descriptor descriptor_;
    std::stop_callback<Signal> callback_;  // destroyed first; its destructor waits for a running call
};

/// Watches one running command until it ends.
class Watch {
  public:
    Watch(ChildProcess child, SignalInbox& inbox, std::stop_token lost, const RunPlan& plan)
        : child_(child), inbox_(inbox), lost_(std::move(lost)), plan_(plan) {}

    /// The exit status of this process.
    int until_end() {
        const LostNotice notice(lost_);
        // Ctrl-C between the last read of the inbox and the fork reached only this process: forward it.
        forward_signals(true);
        for (;;) {
            if (const auto status = take_changes()) return *status;
            std::array<pollfd, 2> wanted{
                pollfd{.fd = inbox_.descriptor(), .events = POLLIN, .revents = 0},
                pollfd{.fd = told_ ? -1 : notice.descriptor(), .events = POLLIN, .revents = 0}};
            ::poll(wanted.data(), wanted.size(), poll_timeout());
            if (!told_ && lost_.stop_requested()) on_lost();
            if (kill_at_ && Steady::now() >= *kill_at_) {
                child_.send(SIGKILL);
                kill_at_.reset();
            }
            forward_signals(false);
        }
    }

  private:
    [[nodiscard]] int poll_timeout() const {
        if (!kill_at_) return -1;
        const auto left = std::chrono::ceil<Duration>(*kill_at_ - Steady::now());
        return static_cast<int>(std::max<Duration::rep>(0, std::min<Duration::rep>(left.count(), 60'000)));
    }

    std::optional<int> take_changes() {
        while (const auto change = child_.poll_change()) {
            switch (change->kind) {
                case ChildProcess::Change::Kind::exited:
                    return stopped_for_loss_ ? run_exit_code::lease_lost : change->value;
                case ChildProcess::Change::Kind::killed:
                    return stopped_for_loss_ ? run_exit_code::lease_lost : 128 + change->value;
                case ChildProcess::Change::Kind::stopped_by_terminal:
                    ::raise(SIGSTOP);  // so that the shell sees its job stop; SIGCONT continues both
                    break;
            }
        }
        return std::nullopt;
    }

    /// Signals of a terminal's keys go to the whole foreground group, so the child has received them already.
    void forward_signals(bool also_from_kernel) {
        while (const auto signal = inbox_.next()) {
            if (signal->number == SIGCHLD) continue;
            const bool from_child = signal->from_process && signal->sender == child_.id();
            const bool forward = signal->from_process ? !from_child : also_from_kernel;
            if (signal->number == SIGCONT || forward) child_.send(signal->number);
        }
    }

    void on_lost() {
        told_ = true;
        complain("the lease on the proxy is lost, and others may use it now" +
                 std::string(plan_.on_lost == OnLost::kill ? ": ending the command" : ""));
        if (plan_.on_lost == OnLost::warn) return;
        stopped_for_loss_ = true;
        child_.send(SIGTERM);
        child_.send(SIGCONT);  // a stopped process does not handle SIGTERM
        kill_at_ = Steady::now() + plan_.kill_after;
    }

    ChildProcess child_;
    SignalInbox& inbox_;
    std::stop_token lost_;
    const RunPlan& plan_;
    bool told_ = false;
    bool stopped_for_loss_ = false;
    std::optional<Steady::time_point> kill_at_{};
};

std::vector<std::string> own_environment() {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
    return entries;
}

int run_held(HeldLease& held, const RunPlan& plan, const std::vector<std::string>& command,
             SignalInbox& inbox) {
    const LeasedProxy leased(held.proxy(), held.lease());
    const ChildCommand child{.arguments = command,
                             .environment = proxy_environment(own_environment(), leased, plan.environment)};
    try {
        return Watch(ChildProcess::start(child, inbox), inbox, held.lost(), plan).until_end();
    } catch (const std::system_error& error) {
        complain(without_password(command.front()) + ": " + error.code().message());
        if (error.code() == std::errc::no_such_file_or_directory) return run_exit_code::not_found;
        return std::string_view(error.what()).starts_with("exec") ? run_exit_code::not_executable
                                                                  : run_exit_code::pharox_failed;
    }
}

int lease_and_run(Session& session, const RunOptions& options, const std::vector<std::string>& command) {
    if (command.empty())
        throw ValidationError("command", {}, "is missing: pharox run --pool POOL -- COMMAND…");
    const RunPlan plan = make_plan(options);
    SignalInbox inbox;
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
    const int status = run_held(lease, plan, command, inbox);
    try {
        lease.release();
    } catch (const Error& error) {
        // The command's status is more important; the lease ends by expiry.
        complain(std::string("the lease was not released and ends by its expiry: ") + error.what());
    }
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
renewed while it runs and released when it ends. Signals are passed on. Should pharox be killed, so is the command.

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
