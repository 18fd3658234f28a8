// Asynchronous operations of a manager for Boost.Asio, with any completion token.
//
// Each takes the manager by reference, and runs blocking calls on a WorkerPool; both must outlive the
// operation. The handler runs on its associated executor. If the token has a cancellation slot, cancelling
// ends a wait (Miss::cancelled). Neither a cancellation nor the destruction of the event loop before the
// handler is called leaves a lease behind.
//
// In a coroutine, GCC 12 destroys a braced request inside the co_await expression twice: a compiler error
// with any aggregate that owns resources. Name the request, or begin the operation in a separate
// statement:
//     auto leasing = pharox::asio::acquire(manager, {.pool = "eu", .wait = 5s}, boost::asio::use_awaitable);
//     auto got = co_await std::move(leasing);
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <stop_token>
#include <utility>

#include "pharox/asio/worker_pool.hpp"
#include "pharox/manager/proxy_manager.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace asio {
namespace detail {

/// One operation in progress: its handler, executor and cancellation.
template <class Handler, class Result>
class Operation : public std::enable_shared_from_this<Operation<Handler, Result>> {
  public:
    Operation(WorkerPool& pool, Handler handler)
        : pool_(pool),
          handler_(std::move(handler)),
          executor_(boost::asio::get_associated_executor(handler_)),
          work_(executor_) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected()) {
            slot.assign([stop = stop_](boost::asio::cancellation_type) mutable { stop.request_stop(); });
        }
    }

    [[nodiscard]] std::stop_token stop_token() const noexcept { return stop_.get_token(); }

    /// Calls the handler on its executor.
    void complete(std::exception_ptr error, Result result) {
        later([self = this->shared_from_this(), error = std::move(error),
               result = std::make_shared<Result>(std::move(result))]() mutable {
            self->unplug();
            self->call(std::move(error), std::move(*result));
        });
    }

    /// As above, but a result that is no longer wanted, because of an earlier cancellation, is first passed
    /// to `discard` in the pool.
    template <class Discard>
    void complete_or_discard(Result result, Discard discard) {
        auto underway = std::make_shared<Underway<Discard>>(pool_, std::move(result), std::move(discard));
        later([self = this->shared_from_this(), underway] {
            self->unplug();
            if (!self->stop_.stop_requested() || !underway->holds_lease())
                return self->call(nullptr, underway->take());
            self->pool_.post_always([self, underway] {
                underway->discard();
                self->later([self] { self->call(nullptr, Result(Miss::cancelled)); });
            });
        });
    }

  private:
    using Executor = boost::asio::associated_executor_t<Handler>;

    /// A result on its way to the handler. An event loop that is destroyed calls no handler; then the lease
    /// is discarded too.
    template <class Discard>
    class Underway {
      public:
        Underway(WorkerPool& pool, Result result, Discard discard)
            : pool_(pool), result_(std::move(result)), discard_(std::move(discard)) {}
        Underway(const Underway&) = delete;
        Underway& operator=(const Underway&) = delete;
        ~Underway() {
            if (!holds_lease()) return;
            try {
                auto left = std::make_shared<Result>(take());
                pool_.post_always([left, discard = discard_] { discard(*left); });
            } catch (...) {
                result_.reset();  // out of memory: the lease ends by expiry
            }
        }
        [[nodiscard]] bool holds_lease() const { return result_ && *result_; }
        Result take() { return *std::exchange(result_, std::nullopt); }
        void discard() {
            Result left = take();
            discard_(left);
        }

      private:
        WorkerPool& pool_;
        std::optional<Result> result_;
        Discard discard_;
    };

    /// The event loop may be destroyed as soon as it runs out of work, so this counts as work until done.
    template <class Job>
    void later(Job job) {
        const auto work = boost::asio::make_work_guard(executor_);
        boost::asio::post(executor_, std::move(job));
    }
    void unplug() {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected()) slot.clear();
    }
    void call(std::exception_ptr error, Result result) {
        Handler handler = std::move(handler_);
        work_.reset();
        std::move(handler)(std::move(error), std::move(result));
    }

    WorkerPool& pool_;
    Handler handler_;
    Executor executor_;
    boost::asio::executor_work_guard<Executor> work_;
    std::stop_source stop_;
};

template <class Handler, class Result>
auto make_operation(WorkerPool& pool, Handler&& handler) {
    return std::make_shared<Operation<std::decay_t<Handler>, Result>>(pool, std::forward<Handler>(handler));
}

/// Runs a blocking call of the manager in the pool.
template <class Result, class CompletionToken, class Call>
auto run(WorkerPool& pool, CompletionToken&& token, Call call) {
    return boost::asio::async_initiate<CompletionToken, void(std::exception_ptr, Result)>(
        [&pool](auto handler, Call job) {
            auto operation = make_operation<decltype(handler), Result>(pool, std::move(handler));
            pool.post_always([operation, job = std::move(job)]() mutable {
                std::exception_ptr error;
                Result result{};
                try {
                    result = job();
                } catch (...) {
                    error = std::current_exception();
                }
                operation->complete(std::move(error), std::move(result));
            });
        },
        token, std::move(call));
}

}  // namespace detail

/// Signature: void(std::exception_ptr, AcquireResult). Miss::queue_full if the pool is overloaded.
template <class CompletionToken>
auto acquire(ProxyManager& manager, AcquireRequest request, CompletionToken&& token,
             WorkerPool& pool = WorkerPool::shared()) {
    return boost::asio::async_initiate<CompletionToken, void(std::exception_ptr, AcquireResult)>(
        [&manager, &pool](auto handler, AcquireRequest wanted) {
            auto operation =
                detail::make_operation<decltype(handler), AcquireResult>(pool, std::move(handler));
            const auto give_back = [&manager](const AcquireResult& result) {
                if (result.replayed) return;  // the lease existed before this call
                try {
                    manager.release(result.lease());
                } catch (...) {
                    static_cast<void>(result);  // the lease ends by expiry
                }
            };
            const auto start = [&manager, operation, give_back, wanted = std::move(wanted)]() mutable {
                const auto done = [operation, give_back](AcquireOutcome outcome) {
                    if (outcome.error()) return operation->complete(outcome.error(), Miss::none_available);
                    operation->complete_or_discard(*outcome.result(), give_back);
                };
                try {
                    manager.acquire_async(std::move(wanted), done, operation->stop_token());
                } catch (...) {
                    operation->complete(std::current_exception(), Miss::none_available);
                }
            };
            if (!pool.post(start)) operation->complete(nullptr, Miss::queue_full);
        },
        token, std::move(request));
}

/// Signature: void(std::exception_ptr, HoldResult). The destructor of a cancelled or dropped result releases
/// it.
template <class CompletionToken>
auto hold(ProxyManager& manager, AcquireRequest request, HoldOptions options, CompletionToken&& token,
          WorkerPool& pool = WorkerPool::shared(),
          std::source_location where = std::source_location::current()) {
    return boost::asio::async_initiate<CompletionToken, void(std::exception_ptr, HoldResult)>(
        [&manager, &pool, options, where](auto handler, AcquireRequest wanted) {
            auto operation = detail::make_operation<decltype(handler), HoldResult>(pool, std::move(handler));
            const auto let_go = [](HoldResult& result) { result = HoldResult(Miss::cancelled); };
            const auto start = [&manager, operation, let_go, options, where,
                                wanted = std::move(wanted)]() mutable {
                const auto done = [operation, let_go](HoldOutcome outcome) {
                    if (outcome.error()) return operation->complete(outcome.error(), Miss::none_available);
                    operation->complete_or_discard(std::move(outcome).get(), let_go);
                };
                try {
                    manager.hold_async(std::move(wanted), options, done, operation->stop_token(), where);
                } catch (...) {
                    operation->complete(std::current_exception(), Miss::none_available);
                }
            };
            if (!pool.post(start)) operation->complete(nullptr, Miss::queue_full);
        },
        token, std::move(request));
}

/// Signature: void(std::exception_ptr, ReleaseResult). A release is neither refused nor cancelled.
template <class CompletionToken>
auto release(ProxyManager& manager, const Lease& lease, CompletionToken&& token,
             WorkerPool& pool = WorkerPool::shared()) {
    return detail::run<ReleaseResult>(pool, std::forward<CompletionToken>(token),
                                      [&manager, lease] { return manager.release(lease); });
}

/// Signature: void(std::exception_ptr, RenewResult).
template <class CompletionToken>
auto renew(ProxyManager& manager, const Lease& lease, Duration duration, CompletionToken&& token,
           WorkerPool& pool = WorkerPool::shared()) {
    return detail::run<RenewResult>(pool, std::forward<CompletionToken>(token),
                                    [&manager, lease, duration] { return manager.renew(lease, duration); });
}

}  // namespace asio
}  // namespace pharox
