#include "pharox/rules/retention.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "pharox/errors.hpp"
#include "pharox/rules/leases.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;
using namespace pharox::rules;

constexpr Timestamp start{std::chrono::microseconds(1'700'000'000'000'000)};

TEST(RulesOfRetention, ARecordedLeaseReadsAsOfNowUntilItIsForgotten) {
    const Lease active{.acquired_at = start, .expires_at = start + 60s};
    EXPECT_EQ(as_remembered(active, start + 59s, 10min), active);
    const auto expired = as_remembered(active, start + 60s, 10min);
    ASSERT_TRUE(expired);
    EXPECT_EQ(expired->status, LeaseStatus::released);
    EXPECT_EQ(expired->released_at, start + 60s);
    EXPECT_EQ(expired->release_reason, ReleaseReason::expired);
    EXPECT_TRUE(as_remembered(active, start + 60s + 10min - 1us, 10min));
    EXPECT_FALSE(as_remembered(active, start + 60s + 10min, 10min)) << "expired, collected or not";
    Lease revoked = active;
    end(revoked, start + 5s, ReleaseReason::revoked);
    EXPECT_EQ(as_remembered(revoked, start + 70s, 10min), revoked);
    EXPECT_FALSE(as_remembered(revoked, start + 5s + 10min, 10min));
}

TEST(RulesOfRetention, ASurplusOfEndedLeasesIsKeptForTheLeastRetention) {
    EXPECT_EQ(surplus_until(start), start - min_retention);
    EXPECT_EQ(forgotten_until(start, 2h), start - 2h);
}

TEST(RulesOfRetention, OptionsHaveRanges) {
    const auto refused = [](Duration leases, Duration health, std::size_t records) -> std::string {
        try {
            check_retention(leases, health, records);
        } catch (const ValidationError& error) {
            return error.field();
        }
        return "";
    };
    struct Row {
        Duration leases;
        Duration health;
        std::size_t records;
        const char* refused;
    };
    for (const Row& row : std::vector<Row>{
             {10min, 1ms, 1, ""},
             {max_retention, max_retention, max_health_records_per_proxy, ""},
             {10min - 1ms, 1h, 1, "retention_ms"},
             {max_retention + 1ms, 1h, 1, "retention_ms"},
             {Duration::max(), 1h, 1, "retention_ms"},
             {1h, 0ms, 1, "health_retention_ms"},
             {1h, max_retention + 1ms, 1, "health_retention_ms"},
             {1h, 1h, 0, "health_records_per_proxy"},
             {1h, 1h, max_health_records_per_proxy + 1, "health_records_per_proxy"},
             {1h, 1h, std::numeric_limits<std::size_t>::max(), "health_records_per_proxy"},
         }) {
        EXPECT_EQ(refused(row.leases, row.health, row.records), row.refused);
    }
}

}  // namespace
