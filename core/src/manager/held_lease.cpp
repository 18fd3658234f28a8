#include "pharox/manager/held_lease.hpp"

#include <algorithm>
#include <atomic>
#include <source_location>
#include <string>

#include "manager/manager_core.hpp"
#include "pharox/rules/requests.hpp"

namespace pharox {
namespace {

using Steady = std::chrono::steady_clock;

/// Early enough for two more attempts before the lease ends.
constexpr int renewals_per_duration = 3;
constexpr int retries_per_duration = 20;
constexpr Duration least_pause = std::chrono::milliseconds(1);

Duration part_of(Duration duration, int parts) { return std::max(least_pause, duration / parts); }

}  // namespace

struct HeldLease::State final : Holding, Renewable {
    State(std::shared_ptr<ProxyManager::Core> manager, LeasedProxy leased_proxy, Duration renewed_by,
          std::string consumer_name, std::source_location location)
        : core(std::move(manager)),
          leased(std::move(leased_proxy)),
          duration(renewed_by),
          consumer(std::move(consumer_name)),
          where(location) {}

    /// Releases the lease unless it was released. If the store throws, it counts as not released.
    void release() {
        if (done.exchange(true)) return;
        try {
            core->release({.lease_id = leased.lease().id, .pool = leased.lease().pool_name});
        } catch (...) {
            done = false;
            throw;
        }
    }

    void release_quietly() noexcept {
        try {
            release();
        } catch (...) {
            core->report("release of a held lease");
        }
    }

    void close() noexcept override {
        if (done) return;
        lost.request_stop();
        release_quietly();
    }

    void report_leak() noexcept override {
        if (done || !core->options.on_leak || leak_reported.exchange(true)) return;
        try {
            core->options.on_leak({.lease = leased.lease(),
                                   .consumer_name = consumer,
                                   .where = std::string(where.file_name()) + ":" +
                                            std::to_string(where.line()) + " " + where.function_name(),
                                   .held_for = std::chrono::duration_cast<Duration>(Steady::now() - since)});
        } catch (...) {
            core->report("leak hook");
        }
    }

    [[nodiscard]] std::optional<RenewRequest> next_renewal() const override {
        if (done || lost.stop_requested()) return std::nullopt;
        return RenewRequest{
            .lease_id = leased.lease().id, .duration = duration, .pool = leased.lease().pool_name};
    }

    std::optional<Steady::time_point> renewed(const RenewResult* result,
                                              Steady::time_point started) override {
        if (result != nullptr && result->renewed) {
            // A call that hung may return after one that began later.
            const Steady::time_point end = std::min(started + duration, tenure_end);
            Steady::time_point known = deadline;
            while (known < end && !deadline.compare_exchange_weak(known, end)) continue;
            return started + part_of(duration, renewals_per_duration);
        }
        // A lease that has reached its tenure is not renewed, but stays valid until its end.
        if (result != nullptr && (!result->lease || result->lease->status != LeaseStatus::active))
            return give_up();
        return Steady::now() + part_of(duration, retries_per_duration);
    }

    /// Whether the latest renewal succeeded in time, however long the store takes to answer.
    [[nodiscard]] std::optional<Steady::time_point> watch() const {
        if (done || lost.stop_requested()) return std::nullopt;
        const Steady::time_point end = deadline;
        return Steady::now() < end ? std::optional(end) : give_up();
    }

    [[nodiscard]] std::optional<Steady::time_point> give_up() const {
        if (!done) lost.request_stop();  // it may have been released during the renewal
        return std::nullopt;
    }

    std::shared_ptr<ProxyManager::Core> core;
    LeasedProxy leased;
    Duration duration;
    std::string consumer;
    std::source_location where;
    Steady::time_point since = Steady::now();
    Steady::time_point tenure_end = Steady::time_point::max();
    /// When the lease ends, measured from an instant before the store's.
    std::atomic<Steady::time_point> deadline{Steady::time_point::max()};
    std::stop_source lost;
    std::atomic<bool> done{false};
    std::atomic<bool> leak_reported{false};
};

/// The terms of a held lease, from a request whose defaults are filled in.
struct HeldLease::Terms {
    Terms(ProxyManager::Core& core, const AcquireRequest& request, HoldOptions hold_options,
          std::source_location location)
        : duration(request.duration), consumer(request.consumer), options(hold_options), where(location) {
        if (options.renew) require_lease_control(*core.storage);
    }

    [[nodiscard]] HoldResult hold(const std::shared_ptr<ProxyManager::Core>& core,
                                  const AcquireResult& result) const {
        auto state = std::make_shared<State>(core, result.leased(), duration, consumer, where);
        HeldLease held(state);
        core->remember(state);
        if (core->closing
                .stop_requested()) {  // closed during the acquire, so close() does not know of this lease
            state->close();
            return Miss::cancelled;
        }
        // The lease began after this, so times computed from it are early, never late.
        const Steady::time_point began = std::max(started, result.attempted_at);
        const std::weak_ptr<State> weak = state;
        const Lease& lease = result.lease();
        if (lease.tenure_ends_at && !result.replayed)
            state->tenure_end = began + (*lease.tenure_ends_at - lease.acquired_at);
        if (options.renew) {
            // A lease that existed already may end soon: the rest of its duration is unknown here.
            const Duration pause = result.replayed ? Duration(0) : part_of(duration, renewals_per_duration);
            state->deadline = began + duration;
            core->renewals.add(began + pause, state);
            core->alarms.add(began + duration, [weak]() -> std::optional<Steady::time_point> {
                const auto alive = weak.lock();
                return alive ? alive->watch() : std::nullopt;
            });
        }
        if (core->options.leak_threshold > Duration(0) && core->options.on_leak) {
            core->scheduler.add(Steady::now() + core->options.leak_threshold,
                                [weak]() -> std::optional<Steady::time_point> {
                                    if (const auto alive = weak.lock()) alive->report_leak();
                                    return std::nullopt;
                                });
        }
        return held;
    }

    Steady::time_point started = Steady::now();
    Duration duration;
    std::string consumer;
    HoldOptions options;
    std::source_location where;
};

HeldLease::HeldLease(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
HeldLease::HeldLease(HeldLease&&) noexcept = default;

HeldLease& HeldLease::operator=(HeldLease&& other) noexcept {
    HeldLease(std::move(other)).state_.swap(state_);
    return *this;
}

HeldLease::~HeldLease() {
    if (state_ != nullptr) state_->release_quietly();
}

const Proxy& HeldLease::proxy() const noexcept { return state_->leased.proxy(); }
const Lease& HeldLease::lease() const noexcept { return state_->leased.lease(); }
std::stop_token HeldLease::lost() const noexcept {
    return state_ == nullptr ? std::stop_token() : state_->lost.get_token();
}
void HeldLease::release() {
    if (state_ != nullptr) state_->release();
}

HoldResult ProxyManager::hold(AcquireRequest request, HoldOptions options, std::source_location where) {
    rules::fill_in_defaults(request);
    const HeldLease::Terms terms(*core_, request, options, where);
    const AcquireResult result = core_->acquire(std::move(request));
    return result ? terms.hold(core_, result) : HoldResult(result.miss());
}

void ProxyManager::hold_async(AcquireRequest request, HoldOptions options, HoldCompletion done,
                              std::stop_token stop, std::source_location where) {
    rules::fill_in_defaults(request);
    HeldLease::Terms terms(*core_, request, options, where);
    core_->acquire_async(
        std::move(request),
        [core = core_, terms = std::move(terms), done = std::move(done)](const AcquireOutcome& outcome) {
            if (outcome.error()) return done(outcome.error());
            const AcquireResult& result = *outcome.result();
            if (!result) return done(HoldResult(result.miss()));
            std::optional<HoldOutcome> held;
            try {
                held.emplace(terms.hold(core, result));
            } catch (...) {  // the thread for renewals could not be started, say
                held.emplace(std::current_exception());
            }
            done(*std::move(held));
        },
        std::move(stop));
}

}  // namespace pharox
