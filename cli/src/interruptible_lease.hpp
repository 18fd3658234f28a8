// Acquiring in the storage's queue, until a signal ends it.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "pharox/errors.hpp"
#include "pharox/storage/storage.hpp"
#include "signal_inbox.hpp"

namespace pharox::cli {

/// A call in another thread that signals may cancel. Shared by both threads.
class InterruptibleCall {
  public:
    explicit InterruptibleCall(const SignalInbox& inbox);
    InterruptibleCall(const InterruptibleCall&) = delete;
    InterruptibleCall& operator=(const InterruptibleCall&) = delete;
    ~InterruptibleCall();

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
    /// The completion calls this after everything else, in any thread.
    void finished() const noexcept;
    [[nodiscard]] bool is_finished() const noexcept;
    /// Blocks until finished(). A signal that ends a process cancels the call, which then has a second to
    /// finish, or until a second signal, and is returned.
    std::optional<int> wait();
    /// Blocks for that long, or until a signal that ends a process, which is returned.
    std::optional<int> pause(Duration time);

  private:
    /// Handles signals until `descriptor` is readable, or `until`.
    std::optional<int> poll_until(int descriptor, std::optional<std::chrono::steady_clock::time_point> until);

    const SignalInbox& inbox_;
    int finished_;  // an eventfd
    std::stop_source stop_;
};

/// Calls `release` in another thread and waits for a second at most: the process is about to end. Ignores
/// exceptions, for the lease then ends by its expiry.
void release_before_exit(std::function<void()> release);

template <class Result>
struct Interruptible {
    Result result;
    std::optional<int> signal{};  ///< the signal that cancelled the call, or arrived before it succeeded
    std::optional<LeaseId> may_be_leased{};  ///< with a signal: a lease with this id may exist
};

/// Calls `start(request, completion, stop)` in another thread, for its first call of the store may block, and
/// waits. A retryable error of the store is repeated under the same lease id until `request.wait`, or at
/// least a second, is over; then it is thrown. If that lease has ended meanwhile, and the request's id was
/// new, another id is drawn. If `signal` is set, the caller ends the process without
/// destroying what `start` uses: the other thread may still run.
template <class Result, class Outcome, class Start>
Interruptible<Result> acquire_interruptibly(const SignalInbox& inbox, AcquireRequest request,
                                            const Start& start) {
    using Steady = std::chrono::steady_clock;
    struct Attempt {
        explicit Attempt(const SignalInbox& signals) : call(signals) {}
        std::optional<Outcome> outcome{};
        InterruptibleCall call;
    };
    const auto deadline = Steady::now() + request.wait;
    const auto last_repeat = std::max(deadline, Steady::now() + std::chrono::seconds(1));
    const bool draws_ids = request.lease_id_is_new;
    std::optional<LeaseId> may_be_leased;
    for (;;) {
        const auto attempt = std::make_shared<Attempt>(inbox);
        std::thread thread([attempt, start, request] {
            const auto done = [attempt](Outcome came) {
                attempt->outcome.emplace(std::move(came));
                attempt->call.finished();
            };
            try {
                start(request, done, attempt->call.token());
            } catch (...) {
                done(Outcome(std::current_exception()));
            }
        });
        std::optional<int> signal = attempt->call.wait();
        if (!attempt->call.is_finished()) {
            thread.detach();
            return {.result = Result(Miss::cancelled), .signal = signal, .may_be_leased = request.lease_id};
        }
        thread.join();
        try {
            Result result = std::move(*attempt->outcome).get();
            const bool own_lease_ended =
                draws_ids && !request.lease_id_is_new && !result && result.miss() == Miss::lease_ended;
            if (signal || !own_lease_ended)
                return {.result = std::move(result), .signal = signal, .may_be_leased = may_be_leased};
            // The lease of an earlier attempt, whose answer was lost, has ended.
            request.lease_id = LeaseId::make();
            request.lease_id_is_new = true;
            may_be_leased.reset();
        } catch (const StorageError& error) {
            if (error.outcome_unknown()) may_be_leased = request.lease_id;
            request.lease_id_is_new = false;
            if (!signal) {
                if (!error.retryable() || Steady::now() >= last_repeat) throw;
                signal =
                    attempt->call.pause(std::max<Duration>(error.backoff(), std::chrono::milliseconds(25)));
            }
        }
        if (signal)
            return {.result = Result(Miss::cancelled), .signal = signal, .may_be_leased = may_be_leased};
        request.wait = std::max(Duration(0), std::chrono::ceil<Duration>(deadline - Steady::now()));
    }
}

}  // namespace pharox::cli
