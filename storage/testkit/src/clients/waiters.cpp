#include "clients/waiters.hpp"

#include <memory>
#include <utility>

namespace pharox::testkit {

std::future<AcquireResult> wait_for(IStorage& store, AcquireRequest request, std::stop_token stop) {
    if (request.consumer.empty()) {
        request.consumer = "worker";
    }
    auto promise = std::make_shared<std::promise<AcquireResult>>();
    auto future = promise->get_future();
    store.acquire_async(
        std::move(request),
        [promise](AcquireOutcome outcome) {
            try {
                promise->set_value(std::move(outcome).get());
            } catch (...) {
                promise->set_exception(std::current_exception());
            }
        },
        std::move(stop));
    return future;
}

bool is_ready(const std::future<AcquireResult>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace pharox::testkit
