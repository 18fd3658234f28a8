// Every way into a storage refuses an invalid request and changes nothing, although each request is validated
// in one place only.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pharox/pharox.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;

constexpr auto generous = 60s;

/// Has only the six methods.
class SixMethods : public IStorage {
  public:
    explicit SixMethods(std::shared_ptr<IStorage> inner) : inner_(std::move(inner)) {}
    FindResult find_available_proxy(const FindRequest& request) override {
        return inner_->find_available_proxy(request);
    }
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        return inner_->create_lease(request);
    }
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        return inner_->ensure_consumer(request);
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        return inner_->release_lease(request);
    }
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        return inner_->cleanup_expired_leases(request);
    }
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        return inner_->get_pool_stats(request);
    }

  private:
    std::shared_ptr<IStorage> inner_;
};

class InvalidRequests : public testing::Test {
  protected:
    InvalidRequests() {
        memory_->ensure_consumer({.name = "default"});
        const ProxyPool pool = memory_->add_pool({.name = "p"});
        memory_->add_proxy({.pool_id = pool.id,
                            .host = "192.0.2.1",
                            .port = 80,
                            .status = ProxyStatus::active,
                            .max_concurrency = 2});
    }

    /// Calls `entry` with requests of which each breaks one rule.
    void refuses(const std::function<void(AcquireRequest)>& entry) {
        const std::vector<std::pair<std::string, AcquireRequest>> invalid = {
            {"pool", {.pool = ""}},
            {"consumer", {.pool = "p", .consumer = std::string(129, 'c')}},
            {"duration_ms", {.pool = "p", .duration = 0ms}},
            {"max_tenure_ms", {.pool = "p", .duration = 2s, .max_tenure = Duration(1s)}},
            {"country", {.pool = "p", .filters = {.country = ""}}},
            {"exclude", {.pool = "p", .filters = {.exclude = std::vector<ProxyId>(max_excluded + 1)}}},
            {"metadata", {.pool = "p", .metadata = Json(1)}},
            {"wait_ms", {.pool = "p", .wait = -1ms}},
            {"wait_ms", {.pool = "p", .wait = Duration::max()}},
        };
        const std::int64_t before = leases();
        for (const auto& one : invalid) {
            EXPECT_EQ(thrown_by<ValidationError>([&] { return entry(one.second), 0; }).field(), one.first);
        }
        EXPECT_EQ(leases(), before);
    }
    static void without_wait(IStorage& storage, AcquireRequest request) {
        if (request.wait != Duration(0)) throw ValidationError("wait_ms", "", "belongs to other entries");
        storage.acquire_many({.each = std::move(request)});
    }
    std::int64_t leases() { return memory_->get_pool_stats({.pool = "p"})->total_leases; }

    std::shared_ptr<InMemoryStorage> memory_ = std::make_shared<InMemoryStorage>();
    AcquireCompletion never_ = [](const AcquireOutcome&) {
        ADD_FAILURE() << "an invalid request has no outcome";
    };
};

TEST_F(InvalidRequests, are_refused_by_every_entry) {
    const auto six = std::make_shared<Sealed<SixMethods>>(memory_);
    const auto decorated = std::make_shared<Sealed<ForwardingStorage>>(memory_);
    for (const std::shared_ptr<IStorage>& storage :
         std::vector<std::shared_ptr<IStorage>>{memory_, six, decorated}) {
        refuses([&](const AcquireRequest& request) { storage->try_acquire(request); });
        refuses([&](const AcquireRequest& request) { storage->acquire(request); });
        refuses([&](const AcquireRequest& request) { storage->acquire_async(request, never_, {}); });
        refuses([&](const AcquireRequest& request) { without_wait(*storage, request); });
    }
}

TEST_F(InvalidRequests, are_refused_although_others_wait) {
    while (memory_->acquire({.pool = "p"})) {
    }
    const std::stop_source stop;
    memory_->acquire_async({.pool = "p", .wait = generous}, [](const AcquireOutcome&) {}, stop.get_token());
    refuses([&](const AcquireRequest& request) { memory_->acquire(request); });
    refuses([&](const AcquireRequest& request) { memory_->acquire_async(request, never_, {}); });
    refuses([&](const AcquireRequest& request) { without_wait(*memory_, request); });
    stop.request_stop();
}

TEST_F(InvalidRequests, are_refused_although_they_are_cancelled) {
    std::stop_source stopped;
    stopped.request_stop();
    refuses(
        [&](const AcquireRequest& request) { memory_->acquire_async(request, never_, stopped.get_token()); });
}

}  // namespace
