// The default of IStorage::acquire, for storages with only the six methods.
#include <gtest/gtest.h>

#include <functional>

#include "pharox/manager/bootstrap.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/storage/storage.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::LeaseId;
using pharox::Miss;

/// An in-memory storage with only the six methods. The hooks simulate concurrent calls of other threads.
class OnlySix : public pharox::IStorage {
  public:
    explicit OnlySix(pharox::InMemoryStorage& inner) : inner_(inner) {}

    std::function<void(const pharox::FindResult&)> after_find;
    std::function<void(const pharox::CreateLeaseRequest&)> before_create;
    int finds = 0;
    int creates = 0;

    pharox::FindResult find_available_proxy(const pharox::FindRequest& request) override {
        ++finds;
        auto result = inner_.find_available_proxy(request);
        if (after_find) after_find(result);
        return result;
    }
    pharox::LeasedProxy create_lease(const pharox::CreateLeaseRequest& request) override {
        ++creates;
        if (before_create) before_create(request);
        return inner_.create_lease(request);
    }
    pharox::ConsumerId ensure_consumer(const pharox::EnsureConsumerRequest& request) override {
        return inner_.ensure_consumer(request);
    }
    pharox::ReleaseResult release_lease(const pharox::ReleaseRequest& request) override {
        return inner_.release_lease(request);
    }
    pharox::CleanupResult cleanup_expired_leases(const pharox::CleanupRequest& request) override {
        return inner_.cleanup_expired_leases(request);
    }
    pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest& request) override {
        return inner_.get_pool_stats(request);
    }

  private:
    pharox::InMemoryStorage& inner_;
};

class DefaultAcquire : public testing::Test {
  protected:
    DefaultAcquire() {
        six.ensure_consumer({.name = "default"});
        six.ensure_consumer({.name = "other"});
    }
    pharox::Proxy add_proxy(int port, int limit = 1) {
        return bootstrap_proxy(memory, pool, {.host = "10.0.0.1", .port = port, .max_concurrency = limit});
    }
    std::int64_t leases() { return memory.get_pool_stats({.pool = "p"})->total_leases; }

    std::shared_ptr<pharox::ManualClock> clock = std::make_shared<pharox::ManualClock>();
    pharox::InMemoryStorage memory{{.clock = clock}};
    pharox::ProxyPool pool = bootstrap_pool(memory, {.name = "p"});
    pharox::Sealed<OnlySix> six{memory};
};

TEST_F(DefaultAcquire, FindsAndLeases) {
    const auto proxy = add_proxy(80);
    const LeaseId id = LeaseId::make();
    const auto result = six.acquire({.pool = "p",
                                     .consumer = "other",
                                     .duration = 7s,
                                     .lease_id = id,
                                     .metadata = pharox::Json::object({{"job", 1}})});
    ASSERT_TRUE(result);
    EXPECT_FALSE(result.replayed);
    EXPECT_EQ(result.proxy().id, proxy.id);
    EXPECT_EQ(result.lease().id, id);
    EXPECT_EQ(result.lease().consumer_id, six.ensure_consumer({.name = "other"}));
    EXPECT_EQ(result.lease().expires_at, clock->now() + 7s);
    EXPECT_EQ(result.lease().metadata, pharox::Json::object({{"job", 1}}));
    EXPECT_EQ(six.finds, 1);
    EXPECT_EQ(six.creates, 1);
    EXPECT_THROW(static_cast<void>(result.miss()), std::logic_error);
}

TEST_F(DefaultAcquire, AnEmptyConsumerIsTheDefaultOne) {
    add_proxy(80);
    EXPECT_EQ(six.acquire({.pool = "p"}).lease().consumer_id, six.ensure_consumer({.name = "default"}));
}

TEST_F(DefaultAcquire, ALostRaceIsNotVisible) {
    add_proxy(80);
    std::vector<LeaseId> asked;
    six.before_create = [&](const pharox::CreateLeaseRequest& request) {
        asked.push_back(request.lease_id);
        if (six.creates <= 5) throw pharox::ProxyUnavailableError(request.proxy_id, "it is full");
    };
    const auto result = six.acquire({.pool = "p"});
    ASSERT_TRUE(result);
    EXPECT_EQ(six.finds, 6);
    EXPECT_EQ(std::count(asked.begin(), asked.end(), result.lease().id), 6) << "one id for all tries";
}

TEST_F(DefaultAcquire, TheLastSlotGoesToTheFasterCaller) {
    add_proxy(80);
    six.before_create = [&](const pharox::CreateLeaseRequest&) {
        memory.acquire({.pool = "p", .consumer = "other"});
    };
    EXPECT_EQ(six.acquire({.pool = "p"}).miss(), Miss::none_available);
    EXPECT_EQ(leases(), 1);
}

TEST_F(DefaultAcquire, AProxyMayVanishInBetween) {
    add_proxy(80);
    const auto other = add_proxy(81);
    six.after_find = [&](const pharox::FindResult& found) {
        if (six.finds == 1) memory.catalog()->remove_proxy(found.proxy->id, false);
    };
    EXPECT_TRUE(six.acquire({.pool = "p"}));
    six.after_find = [&](const pharox::FindResult& found) {
        if (found.proxy) memory.catalog()->remove_proxy(found.proxy->id, true);
    };
    EXPECT_EQ(six.acquire({.pool = "p"}).miss(), Miss::none_available);
    static_cast<void>(other);
}

TEST_F(DefaultAcquire, AProxyMayBeDeactivatedInBetween) {
    add_proxy(80);
    six.after_find = [&](const pharox::FindResult& found) {
        if (!found.proxy) return;
        auto proxy = *found.proxy;
        proxy.status = pharox::ProxyStatus::banned;
        memory.catalog()->update_proxy(proxy);
    };
    EXPECT_EQ(six.acquire({.pool = "p"}).miss(), Miss::none_available);
    EXPECT_EQ(leases(), 0);
}

TEST_F(DefaultAcquire, AnInconsistentStoreIsAnError) {
    const LeaseId id = LeaseId::make();
    class Contradiction : public pharox::IStorage {
        pharox::FindResult find_available_proxy(const pharox::FindRequest&) override {
            return {.proxy = proxy_};
        }
        pharox::LeasedProxy create_lease(const pharox::CreateLeaseRequest& request) override {
            throw pharox::ProxyUnavailableError(request.proxy_id, "never");
        }
        pharox::ConsumerId ensure_consumer(const pharox::EnsureConsumerRequest&) override { return {}; }
        pharox::ReleaseResult release_lease(const pharox::ReleaseRequest&) override { return {}; }
        pharox::CleanupResult cleanup_expired_leases(const pharox::CleanupRequest&) override { return {}; }
        pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest&) override { return {}; }
        pharox::Proxy proxy_;
    };
    pharox::Sealed<Contradiction> storage;
    pharox::IStorage& as_storage = storage;
    const auto error =
        thrown_by<pharox::StorageError>([&] { return as_storage.acquire({.pool = "p", .lease_id = id}); });
    EXPECT_TRUE(error.retryable());
    EXPECT_FALSE(error.outcome_unknown());
    EXPECT_EQ(error.lease_id(), id);
}

TEST_F(DefaultAcquire, TheSameIdGetsTheSameLease) {
    add_proxy(80, 5);
    add_proxy(81, 5);
    const auto first = six.acquire({.pool = "p", .lease_id = LeaseId::make()});
    // Another proxy would come first now.
    auto newer = add_proxy(82, 5);
    newer.checked_at += 1h;
    memory.catalog()->update_proxy(newer);
    const auto again = six.acquire({.pool = "p", .lease_id = first.lease().id});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again.replayed);
    EXPECT_FALSE(first.replayed);
    EXPECT_EQ(again.lease(), first.lease());
    EXPECT_EQ(again.proxy().id, first.proxy().id);
    EXPECT_EQ(leases(), 1);
}

TEST_F(DefaultAcquire, TheSameIdGetsItsLeaseWhenThePoolIsFull) {
    add_proxy(80);
    const auto first = six.acquire({.pool = "p", .lease_id = LeaseId::make()});
    EXPECT_EQ(six.acquire({.pool = "p", .lease_id = LeaseId::make()}).miss(), Miss::none_available);
    const auto again = six.acquire({.pool = "p", .lease_id = first.lease().id});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.lease(), first.lease());
    EXPECT_EQ(six.acquire({.pool = "p", .consumer = "unknown", .lease_id = LeaseId::make()}).miss(),
              Miss::none_available);
}

TEST_F(DefaultAcquire, AnEndedIdGetsNoSecondLease) {
    add_proxy(80, 5);
    const auto released = six.acquire({.pool = "p"});
    memory.release_lease({.lease_id = released.lease().id});
    EXPECT_EQ(six.acquire({.pool = "p", .lease_id = released.lease().id}).miss(), Miss::lease_ended);
    const auto expired = six.acquire({.pool = "p", .duration = 1s});
    clock->advance(1s);
    EXPECT_EQ(six.acquire({.pool = "p", .lease_id = expired.lease().id}).miss(), Miss::lease_ended);
    memory.catalog()->remove_proxy(expired.proxy().id, true);
    EXPECT_EQ(six.acquire({.pool = "p", .lease_id = expired.lease().id}).miss(), Miss::lease_ended)
        << "also if no proxy is available";
}

TEST_F(DefaultAcquire, AnIdBelongsToOneConsumerAndPool) {
    add_proxy(80, 5);
    const auto other_pool = bootstrap_pool(memory, {.name = "q"});
    const auto first = six.acquire({.pool = "p", .lease_id = LeaseId::make()});
    const auto conflict_of = [&](const pharox::AcquireRequest& request) {
        return thrown_by<pharox::ConflictError>([&] { return six.acquire(request); }).field();
    };
    EXPECT_EQ(conflict_of({.pool = "p", .consumer = "other", .lease_id = first.lease().id}), "lease_id");
    EXPECT_EQ(conflict_of({.pool = "q", .lease_id = first.lease().id}), "lease_id")
        << "although that pool is empty";
    bootstrap_proxy(memory, other_pool, {.host = "10.0.0.2", .port = 80});
    EXPECT_EQ(conflict_of({.pool = "q", .lease_id = first.lease().id}), "lease_id");
    EXPECT_EQ(leases(), 1);
    EXPECT_EQ(memory.get_pool_stats({.pool = "q"})->total_leases, 0);
}

TEST_F(DefaultAcquire, ExpiredLeasesAreReportedOnce) {
    add_proxy(80);
    const auto first = six.acquire({.pool = "p", .duration = 1s});
    EXPECT_TRUE(first.expired.empty());
    clock->advance(1s);
    const auto second = six.acquire({.pool = "p", .duration = 1s});
    ASSERT_TRUE(second) << "an expired lease blocks no acquire";
    ASSERT_EQ(second.expired.size(), 1U);
    EXPECT_EQ(second.expired[0], pharox::as_of(first.lease(), clock->now()));
    EXPECT_TRUE(second.leased().expired.empty());
    EXPECT_TRUE(six.acquire({.pool = "p"}).expired.empty());
    clock->advance(1s);
    const auto miss = six.acquire({.pool = "unknown"});
    EXPECT_EQ(miss.expired.size(), 1U) << "a miss reports them too";
    EXPECT_EQ(memory.cleanup_expired_leases({}).count, 0);
}

TEST_F(DefaultAcquire, ExpiredLeasesOfEveryStepAreReported) {
    add_proxy(80, 2);
    const auto one = six.acquire({.pool = "p", .duration = 1s});
    const auto other = six.acquire({.pool = "p", .duration = 2s});
    clock->advance(1s);
    six.before_create = [&](const pharox::CreateLeaseRequest&) { clock->advance(1s); };
    const auto result = six.acquire({.pool = "p"});
    ASSERT_EQ(result.expired.size(), 2U);
    EXPECT_EQ(result.expired[0].id, one.lease().id);
    EXPECT_EQ(result.expired[1].id, other.lease().id);
}

TEST_F(DefaultAcquire, AnUnknownPoolComesBeforeAnUnknownConsumer) {
    EXPECT_EQ(six.acquire({.pool = "unknown", .consumer = "unknown"}).miss(), Miss::pool_unknown);
    EXPECT_EQ(six.acquire({.pool = "unknown", .lease_id = LeaseId::make()}).miss(), Miss::pool_unknown);
    add_proxy(80);
    EXPECT_EQ(thrown_by<pharox::ConsumerNotFoundError>([&] {
                  return six.acquire({.pool = "p", .consumer = "unknown"});
              }).consumer(),
              "unknown");
    EXPECT_EQ(leases(), 0);
}

TEST_F(DefaultAcquire, InvalidRequestsChangeNothing) {
    add_proxy(80);
    const pharox::AcquireRequest requests[] = {
        {.pool = ""},
        {.pool = "p", .consumer = std::string(129, 'x')},
        {.pool = "p", .duration = 0ms},
        {.pool = "p", .filters = {.country = ""}},
        {.pool = "p", .selector = static_cast<pharox::Selector>(6)},
        {.pool = "p", .metadata = 1},
    };
    for (const auto& request : requests) EXPECT_THROW(six.acquire(request), pharox::ValidationError);
    EXPECT_EQ(six.finds + six.creates, 0);
}

TEST_F(DefaultAcquire, OtherErrorsReachTheCaller) {
    add_proxy(80);
    six.before_create = [](const pharox::CreateLeaseRequest& request) {
        throw pharox::StorageError({.store = "test", .operation = "create", .lease_id = request.lease_id},
                                   "no");
    };
    const LeaseId id = LeaseId::make();
    EXPECT_EQ(thrown_by<pharox::StorageError>([&] {
                  return six.acquire({.pool = "p", .lease_id = id});
              }).lease_id(),
              id);
    EXPECT_EQ(six.creates, 1) << "a call with an unknown outcome is not repeated";
}

TEST_F(DefaultAcquire, HasNoCapabilities) {
    EXPECT_EQ(six.catalog(), nullptr);
    EXPECT_EQ(six.lease_control(), nullptr);
    EXPECT_EQ(thrown_by<pharox::UnsupportedError>([&] {
                  return pharox::require_catalog(six).get_pool("p");
              }).capability(),
              "catalog");
    EXPECT_EQ(thrown_by<pharox::UnsupportedError>([&] {
                  return pharox::require_lease_control(six).get_lease({});
              }).capability(),
              "lease control");
    EXPECT_EQ(&pharox::require_catalog(memory), memory.catalog());
}

}  // namespace
