// Events as values: comparable, printable, JSON in and out.
#include "pharox/manager/events.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace pharox {
namespace {

Lease some_lease() {
    const Timestamp now = current_time();
    return {.id = LeaseId::make(),
            .proxy_id = ProxyId::make(),
            .consumer_id = ConsumerId::make(),
            .pool_id = PoolId::make(),
            .pool_name = "eu",
            .acquired_at = now,
            .expires_at = now + std::chrono::seconds(5),
            .fencing_token = 7};
}

TEST(Events, AcquireReadsBack) {
    AcquireEventPayload event{.lease = some_lease(),
                              .pool_name = "eu",
                              .consumer_name = "default",
                              .filters = {.country = "AR", .none_of = {{.city = "X"}}},
                              .selector = Selector::least_used,
                              .started_at = current_time(),
                              .completed_at = current_time(),
                              .duration = std::chrono::microseconds(42)};
    event.pool_stats = PoolStatsSnapshot{.pool_name = "eu", .total_proxies = 3};
    EXPECT_EQ(from_json<AcquireEventPayload>(to_json(event)), event);
    const AcquireEventPayload miss{.miss = Miss::all_busy, .pool_name = "eu", .consumer_name = "default"};
    EXPECT_EQ(from_json<AcquireEventPayload>(to_json(miss)), miss);
    std::ostringstream out;
    out << miss;
    EXPECT_NE(out.str().find("all_busy"), std::string::npos);
}

TEST(Events, PredicatesAreLeftOut) {
    AcquireEventPayload event{.miss = Miss::all_busy, .pool_name = "eu", .consumer_name = "default"};
    event.filters.any_of.push_back({.country = "AR", .predicate = [](const Proxy&) { return true; }});
    EXPECT_FALSE(event == event) << "a predicate equals nothing";
    EXPECT_EQ(from_json<AcquireEventPayload>(to_json(event)).filters.any_of.front().country, "AR");
}

TEST(Events, ReleaseReadsBack) {
    Lease lease = some_lease();
    lease.status = LeaseStatus::released;
    lease.released_at = lease.expires_at;
    lease.release_reason = ReleaseReason::expired;
    const ReleaseEventPayload event{.lease = lease,
                                    .pool_name = "eu",
                                    .reason = ReleaseReason::expired,
                                    .released_at = lease.expires_at,
                                    .lease_duration = std::chrono::seconds(5)};
    EXPECT_EQ(from_json<ReleaseEventPayload>(to_json(event)), event);
}

TEST(Events, ContradictionsAreRefused) {
    const AcquireEventPayload miss{.miss = Miss::all_busy, .pool_name = "eu", .consumer_name = "default"};
    EXPECT_THROW(from_json<AcquireEventPayload>(to_json(miss).with("miss", Json())), ValidationError);
    EXPECT_THROW(from_json<AcquireEventPayload>(to_json(miss).with("miss", "gone")), ValidationError);
    EXPECT_THROW(from_json<AcquireEventPayload>(to_json(miss).with("other", 1)), ValidationError);
}

}  // namespace
}  // namespace pharox
