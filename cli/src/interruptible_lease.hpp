// Acquiring in the storage's queue, until a signal ends it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

#include "pharox/errors.hpp"
#include "pharox/storage/storage.hpp"
#include "signal_inbox.hpp"

namespace pharox::cli {

/// One asynchronous call that signals may cancel.
class InterruptibleCall {
  public:
    explicit InterruptibleCall(const SignalInbox& inbox);
    InterruptibleCall(const InterruptibleCall&) = delete;
    InterruptibleCall& operator=(const InterruptibleCall&) = delete;
    ~InterruptibleCall();

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
    /// The completion calls this as its last action, in any thread.
    void finished() const noexcept;
    /// Blocks until finished(). A signal that ends a process cancels the call, and is returned.
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

template <class Result>
struct Interruptible {
    Result result;
    std::optional<int> signal{};  ///< the signal that cancelled the call, or arrived before it succeeded
};

/// Calls `start(request, completion, stop)` and waits. A retryable error of the store is repeated under the
/// same lease id until `request.wait`, or at least a second, is over; then it is thrown.
template <class Result, class Outcome, class Start>
Interruptible<Result> acquire_interruptibly(const SignalInbox& inbox, AcquireRequest request,
                                            const Start& start) {
    using Steady = std::chrono::steady_clock;
    const auto deadline = Steady::now() + request.wait;
    const auto last_repeat = std::max(deadline, Steady::now() + std::chrono::seconds(1));
    for (;;) {
        InterruptibleCall call(inbox);
        std::optional<Outcome> outcome;
        start(
            request,
            [&](Outcome came) {
                outcome.emplace(std::move(came));
                call.finished();
            },
            call.token());
        std::optional<int> signal = call.wait();
        try {
            return {.result = std::move(*outcome).get(), .signal = signal};
        } catch (const StorageError& error) {
            if (!signal) {
                if (!error.retryable() || Steady::now() >= last_repeat) throw;
                signal = call.pause(std::max<Duration>(error.backoff(), std::chrono::milliseconds(25)));
            }
        }
        if (signal) return {.result = Result(Miss::cancelled), .signal = signal};
        request.lease_id_is_new = false;
        request.wait = std::max(Duration(0), std::chrono::ceil<Duration>(deadline - Steady::now()));
    }
}

}  // namespace pharox::cli
