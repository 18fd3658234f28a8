#include "pharox/manager/proxy_manager.hpp"

#include <future>

#include "test/manager/manager_fixture.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::AcquireOutcome;
using pharox::LeaseId;
using pharox::Miss;
using pharox::ProxyManager;

class Manager : public ManagerTest {
  protected:
    ProxyManager manager{storage, {.on_error = errors.hook(), .clock = clock}};
};

TEST_F(Manager, NeedsAStorageAndAClock) {
    EXPECT_EQ(refusal_of([] { return ProxyManager(nullptr), 0; }), "storage |  | is null");
    EXPECT_EQ(refusal_of([&] { return ProxyManager(storage, {.clock = nullptr}), 0; }), "clock |  | is null");
    EXPECT_EQ(&manager.storage(), storage.get());
}

TEST_F(Manager, AcquiresAndReleases) {
    const auto proxy = add_proxy();
    const auto got = manager.acquire({.pool = "p"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got.proxy().id, proxy.id);
    EXPECT_EQ(got.lease().expires_at, clock->now() + 300s) << "the default";
    EXPECT_EQ(manager.acquire({.pool = "p"}).miss(), Miss::all_busy);
    EXPECT_EQ(manager.acquire({.pool = "unknown"}).miss(), Miss::pool_unknown);
    EXPECT_TRUE(manager.release(got.lease()).released);
    EXPECT_FALSE(manager.release(got.lease()).released);
    EXPECT_FALSE(manager.release({.lease_id = LeaseId::make()}).lease);
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
}

TEST_F(Manager, RegistersTheDefaultConsumerOnce) {
    add_proxy(80, std::nullopt);
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
    EXPECT_TRUE(manager.acquire({.pool = "p", .consumer = ""}));
    EXPECT_TRUE(manager.acquire({.pool = "p", .consumer = "default"}));
    EXPECT_EQ(storage->calls("ensure"), 1);
    EXPECT_EQ(storage->calls("acquire"), 4) << "the first one was repeated";
}

TEST_F(Manager, RegistersTheDefaultConsumerAgainIfItWasRemoved) {
    add_proxy(80, std::nullopt);
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
    memory->catalog()->remove_consumer("default", true);
    const auto got = manager.acquire({.pool = "p"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got.lease().consumer_id, memory->catalog()->get_consumer("default")->id);
    EXPECT_EQ(storage->calls("ensure"), 2);
}

TEST_F(Manager, TriesToRegisterTheDefaultConsumerUntilItWorks) {
    add_proxy();
    storage->set_before([](std::string_view call) {
        if (call == "ensure") throw pharox::StorageError({.store = "test", .operation = "ensure"}, "no");
    });
    EXPECT_THROW(manager.acquire({.pool = "p"}), pharox::StorageError);
    storage->set_before({});
    EXPECT_TRUE(manager.acquire({.pool = "p"}));
}

TEST_F(Manager, OtherConsumersMustExist) {
    add_proxy(80, std::nullopt);
    EXPECT_THROW(manager.acquire({.pool = "p", .consumer = "me"}), pharox::ConsumerNotFoundError);
    EXPECT_FALSE(memory->catalog()->get_consumer("me"));
    memory->ensure_consumer({.name = "me"});
    EXPECT_TRUE(manager.acquire({.pool = "p", .consumer = "me"}));
}

TEST_F(Manager, RegistersUnknownConsumersWithTheOption) {
    add_proxy(80, std::nullopt);
    ProxyManager registering(storage, {.register_unknown_consumers = true});
    const auto got = registering.acquire({.pool = "p", .consumer = "me"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got.lease().consumer_id, memory->catalog()->get_consumer("me")->id);
    EXPECT_TRUE(registering.acquire({.pool = "p", .consumer = "me"}));
    EXPECT_EQ(storage->calls("ensure"), 1);
    EXPECT_EQ(storage->calls("acquire"), 3);
}

TEST_F(Manager, AsynchronousAcquiresRegisterConsumersToo) {
    add_proxy(80, std::nullopt);
    ProxyManager registering(storage, {.register_unknown_consumers = true});
    const auto acquire = [](ProxyManager& by, const std::string& consumer) {
        std::promise<AcquireOutcome> promise;
        by.acquire_async({.pool = "p", .consumer = consumer},
                         [&](AcquireOutcome outcome) { promise.set_value(std::move(outcome)); });
        return promise.get_future().get().get();
    };
    EXPECT_TRUE(acquire(manager, ""));
    memory->catalog()->remove_consumer("default", true);
    EXPECT_TRUE(acquire(manager, "")) << "it was removed meanwhile";
    EXPECT_EQ(storage->calls("ensure"), 2);
    EXPECT_TRUE(acquire(registering, "me"));
    EXPECT_TRUE(acquire(registering, "me"));
    EXPECT_EQ(storage->calls("ensure"), 3);
    EXPECT_THROW(acquire(manager, "unknown"), pharox::ConsumerNotFoundError);
    EXPECT_EQ(storage->calls("ensure"), 3);
}

TEST_F(Manager, InvalidRequestsChangeNothing) {
    add_proxy();
    const auto never = [](const AcquireOutcome&) { ADD_FAILURE() << "an invalid request has no outcome"; };
    const auto refused = [&](const pharox::AcquireRequest& request) {
        EXPECT_THROW(manager.acquire(request), pharox::ValidationError);
        EXPECT_THROW(manager.acquire_async(request, never), pharox::ValidationError);
        EXPECT_THROW(manager.acquire_with_retry(request), pharox::ValidationError);
        EXPECT_THROW(manager.hold(request), pharox::ValidationError);
    };
    refused({.pool = ""});
    refused({.pool = "p", .duration = 0ms});
    refused({.pool = "p", .filters = {.country = ""}});
    refused({.pool = "p", .wait = -1ms});
    refused({.pool = "p", .wait = pharox::Duration::max()});
    refused({.pool = "p", .wait = pharox::Duration::min()});
    EXPECT_EQ(storage->calls("ensure"), 0);
    EXPECT_FALSE(memory->catalog()->get_consumer("default"));
    EXPECT_EQ(leases(), 0);
}

TEST_F(Manager, AStorageErrorCarriesTheLeaseId) {
    add_proxy();
    const LeaseId id = LeaseId::make();
    const auto fails_at = [&](std::string_view failing) {
        storage->set_before([failing](std::string_view call) {
            if (call == failing) {
                throw pharox::StorageError({.store = "test",
                                            .operation = std::string(call),
                                            .retryable = true,
                                            .outcome_unknown = true,
                                            .backoff = 5ms},
                                           "lost");
            }
        });
    };
    for (const char* const call : {"ensure", "acquire"}) {
        fails_at(call);
        const auto error =
            thrown_by<pharox::StorageError>([&] { return manager.acquire({.pool = "p", .lease_id = id}); });
        EXPECT_EQ(error.lease_id(), id) << call;
        EXPECT_TRUE(error.retryable());
        EXPECT_TRUE(error.outcome_unknown());
        EXPECT_EQ(error.backoff(), 5ms);
        EXPECT_EQ(error.operation(), call);
        EXPECT_EQ(error.what(),
                  "storage test: " + std::string(call) + ": lost (it may have happened nevertheless)");
        storage->set_before({});
        memory->ensure_consumer({.name = "default"});
    }
    fails_at("acquire");
    const auto error = thrown_by<pharox::StorageError>([&] { return manager.acquire({.pool = "p"}); });
    ASSERT_TRUE(error.lease_id());
    storage->set_before({});
    EXPECT_EQ(manager.acquire({.pool = "p", .lease_id = *error.lease_id()}).lease().id, *error.lease_id());
}

TEST_F(Manager, RenewsIfTheStorageCanRenew) {
    add_proxy();
    const auto lease = manager.acquire({.pool = "p", .duration = 10s}).lease();
    clock->advance(5s);
    const auto renewed = manager.renew(lease, 10s);
    EXPECT_TRUE(renewed.renewed);
    EXPECT_EQ(renewed.lease->expires_at, clock->now() + 10s);
    EXPECT_TRUE(manager.renew({.lease_id = lease.id, .duration = 1s}).renewed) << "which moves nothing back";
    EXPECT_EQ(record(lease.id)->expires_at, clock->now() + 10s);
    manager.release(lease);
    EXPECT_FALSE(manager.renew(lease, 10s).renewed);

    class NoControl : public pharox::ForwardingStorage {
      public:
        using ForwardingStorage::ForwardingStorage;
        pharox::ILeaseControl* lease_control() override { return nullptr; }
    };
    ProxyManager without(std::make_shared<pharox::Sealed<NoControl>>(memory));
    EXPECT_EQ(thrown_by<pharox::UnsupportedError>([&] { return without.renew(lease, 1s); }).capability(),
              "lease control");
    EXPECT_THROW(without.hold({.pool = "p"}, {.renew = true}), pharox::UnsupportedError);
    EXPECT_EQ(leases(), 0) << "nothing is leased that could not be renewed";
    EXPECT_TRUE(without.hold({.pool = "p"}));
}

TEST_F(Manager, CollectsDetailsOnlyForCallbacks) {
    add_proxy(80, std::nullopt);
    manager.acquire({.pool = "p", .duration = 1s});
    manager.acquire({.pool = "p", .duration = 1s});
    clock->advance(1s);
    EXPECT_EQ(manager.cleanup_expired_leases(), 2);
    EXPECT_EQ(manager.cleanup_expired_leases(), 0);
}

}  // namespace
