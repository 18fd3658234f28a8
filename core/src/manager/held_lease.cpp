#include "pharox/manager/held_lease.hpp"

#include <algorithm>
#include <atomic>

#include "manager/manager_core.hpp"

namespace pharox {
namespace {

using Steady = std::chrono::steady_clock;

/// Early enough for two more tries before the lease ends.
constexpr int renewals_per_duration = 3;
constexpr int retries_per_duration = 20;
constexpr Duration least_pause = std::chrono::milliseconds(1);

Duration part_of(Duration duration, int parts) { return std::max(least_pause, duration / parts); }

}  // namespace

struct HeldLease::State {
    State(std::shared_ptr<ProxyManager::Core> manager, LeasedProxy leased_proxy)
        : core(std::move(manager)), leased(std::move(leased_proxy)) {}

    /// Ends the lease unless that was done; whether this call did.
    bool release() {
        if (done.exchange(true)) return false;
        core->release({.lease_id = leased.lease().id, .pool = leased.lease().pool_name});
        return true;
    }

    /// One renewal. `deadline` is when the lease ends, by a clock that started no later than the store's.
    std::optional<Steady::time_point> renew(Duration duration, Steady::time_point& deadline) {
        if (done) return std::nullopt;
        const Steady::time_point started = Steady::now();
        try {
            const RenewResult result = core->renew(
                {.lease_id = leased.lease().id, .duration = duration, .pool = leased.lease().pool_name});
            if (!result.renewed) return give_up();
            deadline = started + duration;
            return started + part_of(duration, renewals_per_duration);
        } catch (...) {
            core->report("renewal of a held lease");
        }
        const Steady::time_point now = Steady::now();
        if (now >= deadline) return give_up();
        return std::min(deadline, now + part_of(duration, retries_per_duration));
    }

    [[nodiscard]] std::optional<Steady::time_point> give_up() const {
        if (!done) lost.request_stop();  // it may have been released while the renewal was under way
        return std::nullopt;
    }

    std::shared_ptr<ProxyManager::Core> core;
    LeasedProxy leased;
    std::stop_source lost;
    std::atomic<bool> done{false};
};

HeldLease::HeldLease(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
HeldLease::HeldLease(HeldLease&&) noexcept = default;

HeldLease& HeldLease::operator=(HeldLease&& other) noexcept {
    HeldLease(std::move(other)).state_.swap(state_);
    return *this;
}

HeldLease::~HeldLease() {
    if (state_ == nullptr) return;
    try {
        state_->release();
    } catch (...) {
        state_->core->report("release of a held lease");
    }
}

const Proxy& HeldLease::proxy() const noexcept { return state_->leased.proxy(); }
const Lease& HeldLease::lease() const noexcept { return state_->leased.lease(); }
std::stop_token HeldLease::lost() const noexcept {
    return state_ == nullptr ? std::stop_token() : state_->lost.get_token();
}
void HeldLease::release() {
    if (state_ != nullptr) state_->release();
}

HoldResult ProxyManager::hold(AcquireRequest request, HoldOptions options) {
    if (options.renew) require_lease_control(*core_->storage);
    const Duration duration = request.duration;
    const Steady::time_point started = Steady::now();
    const AcquireResult result = core_->acquire(std::move(request));
    if (!result) return result.miss();
    auto state = std::make_shared<HeldLease::State>(core_, result.leased());
    HeldLease held(state);
    if (options.renew) {
        // A lease that was there already may end soon: nobody knows how much of its duration is left.
        const Duration pause = result.replayed ? Duration(0) : part_of(duration, renewals_per_duration);
        core_->renewer.add(started + pause,
                           [weak = std::weak_ptr(state), duration,
                            deadline = started + duration]() mutable -> std::optional<Steady::time_point> {
                               const auto alive = weak.lock();
                               return alive ? alive->renew(duration, deadline) : std::nullopt;
                           });
    }
    return held;
}

}  // namespace pharox
