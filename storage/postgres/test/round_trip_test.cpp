// One request and at most one row for each acquire and each release; the effect of lost responses.
#include <chrono>
#include <thread>

#include "fixture.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class RoundTrip : public PostgresTest {
  protected:
    RoundTrip() {
        const auto direct = open();
        fill(*direct, 20, [](int i, Proxy& proxy) {
            proxy.max_concurrency = 10;
            proxy.country = i % 2 == 0 ? "AR" : "BR";
            proxy.source = "list";
            proxy.asn = 7;
            proxy.tags = {"mobile"};
            proxy.latitude = proxy.longitude = 10.0;
            proxy.metadata = Json::object({{"plan", Json::object({{"tier", "gold"}})}});
        });
    }
    TcpGate gate_{server().port()};
};

TEST_F(RoundTrip, acquire_and_release_take_one_each) {
    const auto store = make_storage(through(gate_.port()));
    const std::vector<ProxyFilters> filters = {
        {},
        {.country = "AR"},
        {.source = "list", .asn = std::int64_t{7}},
        {.protocol = ProxyProtocol::http},
        {.tags = {"mobile"}},
        {.metadata = {{.path = {"plan", "tier"}, .equals = "gold"}}},
        {.latitude = 10.0, .longitude = 10.0, .radius_km = 5.0},
        {.any_of = {{.country = "AR"}, {.country = "CL"}}, .none_of = {{.tags = {"slow"}}}},
    };
    for (const Selector selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                    Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        for (const ProxyFilters& filter : filters) {
            const AcquireRequest request{.pool = "pool", .filters = filter, .selector = selector};
            const auto warm = store->acquire(request);  // prepares
            ASSERT_TRUE(warm) << selector << ' ' << filter;
            store->release_lease({.lease_id = warm.lease().id});
            const auto requests = gate_.requests();
            const auto rows = gate_.rows();
            const auto acquired = store->acquire(request);
            ASSERT_TRUE(acquired);
            EXPECT_EQ(gate_.requests() - requests, 1) << selector << ' ' << filter;
            EXPECT_EQ(gate_.rows() - rows, 1) << selector << ' ' << filter;
            EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
            EXPECT_EQ(gate_.requests() - requests, 2) << "the release";
            EXPECT_EQ(gate_.rows() - rows, 2);
        }
    }
    EXPECT_EQ(gate_.connections(), 1);
}

TEST_F(RoundTrip, acquire_of_a_slow_one_takes_one) {
    const auto direct = open();
    for (Proxy& proxy : direct->catalog()->list_proxies({.pool = "pool"}).items) {
        proxy.status = ProxyStatus::slow;
        direct->catalog()->update_proxy(proxy);
    }
    const auto store = make_storage(through(gate_.port()));
    for (const Selector selector : {Selector::first_available, Selector::round_robin, Selector::least_used,
                                    Selector::lowest_latency, Selector::random, Selector::weighted_random}) {
        for (const ProxyFilters& filter : {ProxyFilters{}, ProxyFilters{.country = "AR"}}) {
            const AcquireRequest request{
                .pool = "pool", .filters = filter, .selector = selector, .allow_slow = true};
            const auto warm = store->acquire(request);  // prepares
            ASSERT_TRUE(warm) << selector << ' ' << filter;
            const auto requests = gate_.requests();
            const auto rows = gate_.rows();
            const auto acquired = store->acquire(request);
            ASSERT_TRUE(acquired);
            EXPECT_EQ(acquired.proxy().status, ProxyStatus::slow);
            EXPECT_EQ(gate_.requests() - requests, 1) << selector << ' ' << filter;
            EXPECT_EQ(gate_.rows() - rows, 1) << selector << ' ' << filter;
        }
    }
    EXPECT_EQ(store->acquire_many({.each = {.pool = "pool", .allow_slow = true}, .count = 5}).leased.size(),
              5U);
}

TEST_F(RoundTrip, lost_answer_of_an_acquire_leaves_one_lease) {
    const auto store = make_storage(through(gate_.port()));
    for (const bool own_id : {false, true}) {
        const auto warm = store->acquire({.pool = "pool"});
        store->release_lease({.lease_id = warm.lease().id});
        const LeaseId id = own_id ? LeaseId::make() : LeaseId();
        gate_.cut_next_answers(1);
        const auto acquired = store->acquire({.pool = "pool", .lease_id = id});
        ASSERT_TRUE(acquired);
        EXPECT_EQ(gate_.cuts_left(), 0);
        EXPECT_FALSE(acquired.replayed) << "it was not reported before";
        EXPECT_EQ(leases(*store), 1);
        EXPECT_EQ(store->lease_control()->get_lease({.lease_id = acquired.lease().id}), acquired.lease());
        EXPECT_TRUE(store->release_lease({.lease_id = acquired.lease().id}).released);
    }
    EXPECT_TRUE(store->maintenance()->audit().mismatches.empty());
}

TEST_F(RoundTrip, lost_answer_of_a_release_still_says_released) {
    const auto store = make_storage(through(gate_.port()));
    const auto acquired = store->acquire({.pool = "pool"});
    gate_.cut_next_answers(1);
    const auto released = store->release_lease({.lease_id = acquired.lease().id});
    EXPECT_TRUE(released.released);
    EXPECT_FALSE(store->release_lease({.lease_id = acquired.lease().id}).released);
    EXPECT_EQ(leases(*store), 0);
}

TEST_F(RoundTrip, unknown_outcome_names_the_lease) {
    Options options = through(gate_.port());
    options.recovery_time = 200ms;
    const auto store = make_storage(options);
    const auto warm = store->acquire({.pool = "pool"});
    store->release_lease({.lease_id = warm.lease().id});
    gate_.cut_next_answers(1);
    gate_.refuse(true);
    const LeaseId id = LeaseId::make();
    try {
        store->acquire({.pool = "pool", .lease_id = id});
        FAIL() << "threw nothing";
    } catch (const StorageError& error) {
        EXPECT_TRUE(error.outcome_unknown());
        EXPECT_TRUE(error.retryable());
        EXPECT_EQ(error.lease_id(), id);
        EXPECT_EQ(error.store(), "postgres");
    }
    gate_.refuse(false);
    const auto again = store->acquire({.pool = "pool", .lease_id = id});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(leases(*store), 1);
}

TEST_F(RoundTrip, frozen_connection_is_given_up) {
    Options options = through(gate_.port());
    options.statement_timeout = 300ms;
    options.connect_timeout = 300ms;
    options.recovery_time = 500ms;
    const auto store = make_storage(options);
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
    gate_.freeze(true);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(store->acquire({.pool = "pool"}), StorageError);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
    gate_.freeze(false);
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
}

/// By default a frozen connection is detected after recovery_time.
TEST_F(RoundTrip, frozen_connection_is_replaced_however_late) {
    Options options = through(gate_.port());
    options.statement_timeout = 500ms;
    options.recovery_time = 100ms;
    const auto store = make_storage(options);
    const auto warm = store->acquire({.pool = "pool"});
    store->release_lease({.lease_id = warm.lease().id});
    gate_.freeze_present_connections();
    EXPECT_TRUE(store->acquire({.pool = "pool"}));
    gate_.freeze_present_connections();
    EXPECT_EQ(store->acquire_many({.each = {.pool = "pool"}, .count = 5}).leased.size(), 5U);
    EXPECT_EQ(leases(*store), 6);
}

TEST_F(RoundTrip, predicates_hold_no_lock) {
    const auto store = make_storage(through(gate_.port()));
    int asked = 0;
    const auto acquired = store->acquire({.pool = "pool", .filters = {.predicate = [&](const Proxy&) {
                                                              // Every proxy can be leased while we look at
                                                              // copies.
                                                              const auto other =
                                                                  store->acquire({.pool = "pool"});
                                                              EXPECT_TRUE(other);
                                                              return ++asked == 3;
                                                          }}});
    EXPECT_TRUE(acquired);
    EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace pharox::postgres
