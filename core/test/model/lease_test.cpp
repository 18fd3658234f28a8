#include "pharox/model/lease.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "pharox/storage/storage.hpp"
#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::Lease;
using pharox::LeaseStatus;
using pharox::ReleaseReason;
using pharox::Timestamp;

Lease some_lease() {
    return {.id = pharox::LeaseId::make(),
            .pool_name = "p",
            .acquired_at = Timestamp(100s),
            .expires_at = Timestamp(200s)};
}

TEST(Lease, ReadsReleasedFromItsExpiry) {
    const Lease lease = some_lease();
    EXPECT_EQ(as_of(lease, Timestamp(0s)), lease);
    EXPECT_EQ(as_of(lease, Timestamp(200s - 1us)), lease);
    for (const Timestamp now : {Timestamp(200s), Timestamp(1'000'000s)}) {
        const Lease late = as_of(lease, now);
        EXPECT_EQ(late.status, LeaseStatus::released);
        EXPECT_EQ(late.release_reason, ReleaseReason::expired);
        EXPECT_EQ(late.released_at, lease.expires_at);
    }
}

TEST(Lease, EndedLeaseStaysUnchanged) {
    Lease lease = some_lease();
    lease.status = LeaseStatus::released;
    lease.release_reason = ReleaseReason::revoked;
    lease.released_at = Timestamp(150s);
    EXPECT_EQ(as_of(lease, Timestamp(1'000'000s)), lease);
}

TEST(Lease, CopiesOfALeasedProxyShare) {
    const pharox::LeasedProxy one(pharox::Proxy{.host = "h"}, some_lease());
    const pharox::LeasedProxy copy = one;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(&copy.proxy(), &one.proxy());
    EXPECT_EQ(&copy.lease(), &one.lease());
}

TEST(Lease, DurationsAreOneMillisecondTo30Days) {
    const auto refusal = [](pharox::Duration duration) {
        const auto error = thrown_by<pharox::InvalidLeaseError>(
            [&] { return pharox::validate_lease_duration(duration), 0; });
        return error.field() + " | " + error.value() + " | " + error.rule();
    };
    EXPECT_NO_THROW(pharox::validate_lease_duration(1ms));
    EXPECT_NO_THROW(pharox::validate_lease_duration(std::chrono::days(30)));
    EXPECT_EQ(refusal(0ms), "duration_ms | 0 | is not greater than zero");
    EXPECT_EQ(refusal(-5s), "duration_ms | -5000 | is not greater than zero");
    EXPECT_EQ(refusal(std::chrono::days(30) + 1ms),
              "duration_ms | 2592000001 | is above 2592000000 (30 days)");
    EXPECT_THROW(pharox::validate_lease_duration(pharox::Duration::max()), pharox::InvalidLeaseError);
    EXPECT_THROW(pharox::validate_lease_duration(pharox::Duration::min()), pharox::InvalidLeaseError);
}

TEST(LeaseEnums, ReadExactlyWhatTheyWrite) {
    for (const std::string name : {"active", "released"})
        EXPECT_EQ(to_string(pharox::parse_lease_status(name)), name);
    for (const std::string name : {"released", "expired", "revoked"})
        EXPECT_EQ(to_string(pharox::parse_release_reason(name)), name);
    for (const std::string name :
         {"first_available", "round_robin", "least_used", "lowest_latency", "random", "weighted_random"})
        EXPECT_EQ(to_string(pharox::parse_selector(name)), name);
    EXPECT_EQ(refusal_of([] { return pharox::parse_lease_status("ended"); }),
              "status | ended | is not active or released");
    EXPECT_EQ(refusal_of([] { return pharox::parse_release_reason("Expired"); }),
              "release_reason | Expired | is not released, expired or revoked");
    EXPECT_EQ(
        refusal_of([] { return pharox::parse_selector("fastest"); }),
        "selector | fastest | is not first_available, round_robin, least_used, lowest_latency, random or "
        "weighted_random");
    std::ostringstream out;
    out << LeaseStatus::active << ' ' << ReleaseReason::revoked << ' ' << pharox::Selector::least_used << ' '
        << pharox::Miss::all_busy << ' ' << static_cast<pharox::Miss>(200);
    EXPECT_EQ(out.str(), "active revoked least_used all_busy ?");
}

}  // namespace
