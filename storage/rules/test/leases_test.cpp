#include "pharox/rules/leases.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pharox/errors.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;
using namespace pharox::rules;

constexpr Timestamp start{std::chrono::microseconds(1'700'000'000'000'000)};

Lease recorded(std::optional<Timestamp> released_at = {}) {
    Lease lease{.id = LeaseId::make(), .acquired_at = start, .expires_at = start + 60s};
    if (released_at) end(lease, *released_at, ReleaseReason::released);
    return lease;
}

TEST(RulesOfLeases, AStatusIsLeasable) {
    EXPECT_TRUE(is_leasable(ProxyStatus::active, false));
    EXPECT_FALSE(is_leasable(ProxyStatus::slow, false));
    EXPECT_TRUE(is_leasable(ProxyStatus::slow, true));
    EXPECT_FALSE(is_leasable(ProxyStatus::inactive, true));
    EXPECT_FALSE(is_leasable(ProxyStatus::banned, true));
}

TEST(RulesOfLeases, AProxyIsFullAtItsLimit) {
    EXPECT_FALSE(is_full({.max_concurrency = 2, .current_leases = 1}));
    EXPECT_TRUE(is_full({.max_concurrency = 2, .current_leases = 2}));
    EXPECT_TRUE(is_full({.max_concurrency = 2, .current_leases = 3})) << "the limit was lowered";
    EXPECT_FALSE(is_full({.max_concurrency = std::nullopt, .current_leases = 1'000}));
}

TEST(RulesOfLeases, AFencingTokenGrowsByOneOrToTheTime) {
    const std::int64_t now = start.time_since_epoch().count();
    EXPECT_EQ(next_fencing_token(0, start), now);
    EXPECT_EQ(next_fencing_token(now - 1, start), now);
    EXPECT_EQ(next_fencing_token(now, start), now + 1);
    EXPECT_EQ(next_fencing_token(now + 5, start), now + 6) << "the clock stepped back";
}

TEST(RulesOfLeases, ALeaseIsMadeOfARequestAndAGrant) {
    const Proxy proxy{.pool_id = PoolId::make()};
    const Grant grant{.proxy = proxy,
                      .consumer_id = ConsumerId::make(),
                      .pool_name = "eu",
                      .fencing_token = 7,
                      .now = start};
    const AcquireRequest request{.pool = "eu",
                                 .duration = 90s,
                                 .lease_id = LeaseId::make(),
                                 .metadata = Json::object({{"job", 3}}),
                                 .max_tenure = 1h};
    const Lease lease = make_lease(request, grant);
    const Lease expected{.id = request.lease_id,
                         .proxy_id = proxy.id,
                         .consumer_id = grant.consumer_id,
                         .pool_id = proxy.pool_id,
                         .pool_name = "eu",
                         .acquired_at = start,
                         .expires_at = start + 90s,
                         .fencing_token = 7,
                         .tenure_ends_at = start + 1h,
                         .metadata = request.metadata};
    EXPECT_EQ(lease, expected);
    const CreateLeaseRequest create{.proxy_id = proxy.id,
                                    .duration = 90s,
                                    .lease_id = request.lease_id,
                                    .metadata = request.metadata,
                                    .max_tenure = 1h};
    EXPECT_EQ(make_lease(create, grant), expected);
    EXPECT_EQ(make_lease(CreateLeaseRequest{}, grant).tenure_ends_at, std::nullopt);
}

TEST(RulesOfLeases, ARecordedLeaseAnswersItsId) {
    struct Row {
        const char* name;
        std::optional<Timestamp> released_at;
        ReplayFacts facts;
        Replay answer;
        std::string thrown_to_acquire;
        std::string thrown_to_create;
    };
    const Timestamp now = start + 30min;
    const std::string conflict = "conflict";
    const std::string ended = "ended";
    for (const Row& row : std::vector<Row>{
             {"active", {}, {.same_consumer = true}, Replay::same_lease, "", ""},
             {"of another consumer",
              {},
              {.same_consumer = false},
              Replay::other_consumer,
              conflict,
              conflict},
             {"of another pool", {}, {true, false}, Replay::other_pool, conflict, conflict},
             {"of another consumer and pool", {}, {false, false}, Replay::other_consumer, conflict, conflict},
             {"ended", start + 1s, {true, true}, Replay::lease_ended, "", ended},
             {"ended, of another pool", start + 1s, {true, false}, Replay::lease_ended, "", ended},
             {"ended, of another consumer",
              start + 1s,
              {false, true},
              Replay::other_consumer,
              conflict,
              conflict},
             {"just remembered", now - 10min + 1us, {true, true}, Replay::lease_ended, "", ended},
             {"just forgotten", now - 10min, {true, true}, Replay::forgotten, "", ""},
             {"forgotten, of another consumer", now - 11min, {false, false}, Replay::forgotten, "", ""},
         }) {
        // Ended ones are remembered for 10 minutes here, or for an hour.
        const bool short_memory =
            std::string_view(row.name).starts_with("just") || row.answer == Replay::forgotten;
        const Lease lease = recorded(row.released_at);
        const Replay answer = decide_replay(lease, row.facts, now, short_memory ? 10min : 60min);
        EXPECT_EQ(answer, row.answer) << row.name;
        const auto thrown = [&](bool ended_throws) -> std::string {
            try {
                throw_refusal(answer, lease.id, ended_throws);
            } catch (const ConflictError& error) {
                EXPECT_EQ(error.field(), "lease_id");
                return std::string(conflict);
            } catch (const LeaseEndedError& error) {
                EXPECT_EQ(error.lease_id(), lease.id);
                return std::string(ended);
            }
            return "";
        };
        EXPECT_EQ(thrown(false), row.thrown_to_acquire) << row.name;
        EXPECT_EQ(thrown(true), row.thrown_to_create) << row.name;
    }
}

TEST(RulesOfLeases, CreateLeaseChecksTheProxyThenTheConsumerThenAvailability) {
    struct Row {
        std::optional<ProxyStatus> proxy;
        bool consumer_known;
        bool full;
        bool allow_slow;
        Create answer;
    };
    using enum ProxyStatus;
    for (const Row& row : std::vector<Row>{
             {std::nullopt, false, false, false, Create::no_proxy},
             {active, false, true, false, Create::no_consumer},
             {banned, false, false, false, Create::no_consumer},
             {inactive, true, false, true, Create::not_active},
             {banned, true, true, false, Create::not_active},
             {slow, true, false, false, Create::not_active},
             {slow, true, true, true, Create::full},
             {slow, true, false, true, Create::grant},
             {active, true, true, false, Create::full},
             {active, true, false, false, Create::grant},
         }) {
        EXPECT_EQ(decide_create({row.proxy, row.consumer_known, row.full}, row.allow_slow), row.answer)
            << static_cast<int>(row.answer);
    }
}

TEST(RulesOfLeases, CreateLeaseThrowsWhatTheContractNames) {
    const CreateLeaseRequest request{.proxy_id = ProxyId::make(), .consumer = "crawler"};
    EXPECT_THROW(throw_refusal(Create::no_proxy, request), ProxyNotFoundError);
    EXPECT_THROW(throw_refusal(Create::no_consumer, request), ConsumerNotFoundError);
    EXPECT_THROW(throw_refusal(Create::not_active, request), ProxyUnavailableError);
    EXPECT_THROW(throw_refusal(Create::full, request), ProxyUnavailableError);
    EXPECT_NO_THROW(throw_refusal(Create::grant, request));
}

TEST(RulesOfLeases, AMissSaysWhatTheFactsProve) {
    struct Row {
        MissFacts facts;
        Miss answer;
    };
    for (const Row& row : std::vector<Row>{
             {{.pool_known = false, .any_full = true}, Miss::pool_unknown},
             {{.pool_known = true}, Miss::nothing_matches},
             {{.pool_known = true, .has_predicate = true}, Miss::nothing_matches},
             {{.pool_known = true, .any_full = true}, Miss::all_busy},
             {{.pool_known = true, .any_full = true, .any_free = true}, Miss::all_busy},
             {{.pool_known = true, .any_full = true, .has_predicate = true}, Miss::none_available},
             {{.pool_known = true, .any_free = true}, Miss::none_available},
             {{.pool_known = true, .any_free = true, .has_predicate = true}, Miss::nothing_matches},
         }) {
        EXPECT_EQ(decide_miss(row.facts), row.answer);
    }
}

TEST(RulesOfLeases, ARenewalExtendsWithinTheTenure) {
    struct Row {
        const char* name;
        Duration expires_in;
        std::optional<Duration> tenure_ends_in;
        Duration duration;
        std::optional<Duration> renewed_for;
    };
    for (const Row& row : std::vector<Row>{
             {"later", 10s, {}, 60s, 60s},
             {"never earlier", 60s, {}, 10s, 60s},
             {"up to the tenure", 10s, 30s, 60s, 30s},
             {"within the tenure", 10s, 90s, 60s, 60s},
             {"never earlier, within the tenure", 60s, 90s, 10s, 60s},
             {"at the tenure", 30s, 30s, 60s, {}},
         }) {
        Lease lease = recorded();
        lease.expires_at = start + row.expires_in;
        if (row.tenure_ends_in) lease.tenure_ends_at = start + *row.tenure_ends_in;
        const auto until = renewed_until(lease, row.duration, start);
        EXPECT_EQ(until, row.renewed_for ? std::optional<Timestamp>(start + *row.renewed_for) : std::nullopt)
            << row.name;
    }
    EXPECT_EQ(renewed_until(recorded(start), 60s, start), std::nullopt) << "ended";
}

}  // namespace
