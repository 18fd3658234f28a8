#include "manager/renewals.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

namespace pharox {

struct Renewals::Queue {
    struct Entry {
        std::weak_ptr<Renewable> lease;
        bool alone = false;  // the last call failed or has not returned
        /// Of an entry that is for the case that a call does not return in time: set by that call's return or
        /// when the entry is taken, whichever is first.
        std::shared_ptr<std::atomic_flag> done{};
    };
    struct Call {
        std::vector<std::shared_ptr<Renewable>> leases{};
        std::vector<RenewRequest> requests{};
    };

    Queue(RenewMany renew, std::function<void()> report_failure)
        : renew_many(std::move(renew)), report(std::move(report_failure)) {}

    const RenewMany renew_many;
    const std::function<void()> report;
    std::mutex mutex;
    std::multimap<Scheduler::Time, Entry> planned;

    /// The leases of one call; empty if other calls have taken them.
    Call take(Scheduler::Time now) {
        Call call;
        std::vector<std::shared_ptr<Renewable>> not_held;  // destroyed unlocked: they may own the manager
        const std::lock_guard lock(mutex);
        for (auto next = planned.begin();
             next != planned.end() && next->first <= now && call.leases.size() < most_together;) {
            const bool alone = next->second.alone;
            if (alone && !call.leases.empty()) {
                ++next;
                continue;
            }
            const bool returned = next->second.done != nullptr && next->second.done->test_and_set();
            std::shared_ptr<Renewable> lease = next->second.lease.lock();
            next = planned.erase(next);
            if (returned) {
                not_held.push_back(std::move(lease));
                continue;
            }
            std::optional<RenewRequest> request = lease ? lease->next_renewal() : std::nullopt;
            if (!request) {
                not_held.push_back(std::move(lease));
                continue;
            }
            call.leases.push_back(std::move(lease));
            call.requests.push_back(*std::move(request));
            if (alone) break;
        }
        return call;
    }

    static void plan(const std::shared_ptr<Queue>& queue, Scheduler& scheduler, Scheduler::Time time,
                     Entry entry) {
        {
            const std::lock_guard lock(queue->mutex);
            queue->planned.emplace(time, std::move(entry));
        }
        scheduler.add(time, [queue, &scheduler]() -> std::optional<Scheduler::Time> {
            run(queue, scheduler);
            return std::nullopt;
        });
    }

    /// A lease of a call with others is renewed alone if that call does not return in time.
    static std::vector<std::shared_ptr<std::atomic_flag>> plan_replacements(
        const std::shared_ptr<Queue>& queue, Scheduler& scheduler, const Call& call,
        Scheduler::Time started) {
        constexpr int unanswered_per_duration = 6;
        std::vector<std::shared_ptr<std::atomic_flag>> done;
        if (call.leases.size() == 1) return done;
        for (std::size_t i = 0; i < call.leases.size(); ++i) {
            const Duration pause = call.requests[i].duration / unanswered_per_duration;
            done.push_back(std::make_shared<std::atomic_flag>());
            plan(queue, scheduler, started + std::max<Duration>(pause, std::chrono::milliseconds(1)),
                 {.lease = call.leases[i], .alone = true, .done = done.back()});
        }
        return done;
    }

    /// One call. The scheduler exists: it runs this.
    static void run(const std::shared_ptr<Queue>& queue, Scheduler& scheduler) {
        const auto started = std::chrono::steady_clock::now();
        const Call call = queue->take(started);
        if (call.leases.empty()) return;
        const auto done = plan_replacements(queue, scheduler, call, started);
        std::vector<RenewResult> results;
        try {
            results = queue->renew_many(call.requests);
        } catch (...) {
            queue->report();
        }
        const bool failed = results.size() != call.leases.size();
        for (std::size_t i = 0; i < call.leases.size(); ++i) {
            const bool replaced = !done.empty() && done[i]->test_and_set();
            const auto next = call.leases[i]->renewed(failed ? nullptr : &results[i], started);
            if (next && !replaced) plan(queue, scheduler, *next, {.lease = call.leases[i], .alone = failed});
        }
    }
};

Renewals::Renewals(Scheduler& scheduler, RenewMany renew_many, std::function<void()> report)
    : scheduler_(scheduler), queue_(std::make_shared<Queue>(std::move(renew_many), std::move(report))) {}

void Renewals::add(Scheduler::Time first, std::weak_ptr<Renewable> lease) {
    Queue::plan(queue_, scheduler_, first, {.lease = std::move(lease)});
}

}  // namespace pharox
