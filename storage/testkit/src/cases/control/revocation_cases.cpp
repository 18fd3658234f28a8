// Revoking, and what happens when several ways to end one lease race.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

void revoked_lease_has_ended(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto leased = context.lease(proxy);
    const auto& lease = leased.lease();
    const auto result = context.control().revoke_lease({.lease_id = lease.id});
    EXPECT_TRUE(result.released);
    ASSERT_TRUE(result.lease);
    Lease wanted = lease;
    wanted.status = LeaseStatus::released;
    wanted.release_reason = ReleaseReason::revoked;
    wanted.released_at = result.lease->released_at;
    EXPECT_EQ(result.lease, wanted);
    ASSERT_TRUE(result.lease->released_at);
    EXPECT_GE(*result.lease->released_at, lease.acquired_at);
    if (context.has_test_clock()) {
        EXPECT_EQ(*result.lease->released_at, context.clock().now());
    }
    EXPECT_EQ(context.control().get_lease({.lease_id = lease.id}), wanted);
    EXPECT_EQ(context.stats().total_leases, 0);
    EXPECT_EQ(context.store().release_lease({.lease_id = lease.id}).lease, wanted) << "and not again";
    EXPECT_FALSE(context.release(lease));
    EXPECT_FALSE(context.control().renew_lease({.lease_id = lease.id}).renewed);
    EXPECT_EQ(context.acquire({.pool = "pool", .lease_id = lease.id}).miss(), Miss::lease_ended);
    EXPECT_EQ(context.cleanup(), 0) << "a revoked lease is not reported as expired";
    EXPECT_TRUE(context.find("pool"));
}

void revoking_what_has_ended_answers_no(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = 3; });
    const auto kept = context.lease(proxy);
    const auto released = context.lease(proxy);
    const auto record = context.store().release_lease({.lease_id = released.lease().id}).lease;
    auto result = context.control().revoke_lease({.lease_id = released.lease().id, .pool = "pool"});
    EXPECT_FALSE(result.released);
    EXPECT_EQ(result.lease, record);
    const auto expired = context.lease(proxy, context.short_time());
    context.expire("pool", context.short_time(), 1);
    result = context.control().revoke_lease({.lease_id = expired.lease().id});
    EXPECT_FALSE(result.released);
    EXPECT_EQ(result.lease, as_of(expired.lease(), expired.lease().expires_at));
    for (const auto& id : {LeaseId::make(), LeaseId()}) {
        result = context.control().revoke_lease({.lease_id = id});
        EXPECT_FALSE(result.released);
        EXPECT_FALSE(result.lease);
    }
    EXPECT_EQ(context.stats().total_leases, 1);
    EXPECT_TRUE(context.release(kept.lease()));
}

/// Release, revoke, renew and cleanup run concurrently on leases that are about to expire. Each ends once, by
/// one of them, and reads so; a renewal that was acknowledged came before the end.
void racing_ends_of_a_lease(Context& context) {
    context.use_system_clock();
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    std::vector<Lease> leases;
    std::mutex mutex;
    std::map<LeaseId, std::vector<ReleaseReason>> ends;
    for (int i = 0; i < 60; ++i) {
        const LeasedProxy leased = context.lease(proxy, 5ms + Duration(i));
        leases.push_back(leased.lease());
        // On a slow day the first ones have expired before the last is made, and are reported here.
        for (const auto& lease : leased.expired) ends[lease.id].push_back(*lease.release_reason);
    }
    std::map<LeaseId, Timestamp> renewed;
    std::atomic<int> busy = 3;
    const auto collect = [&] {
        for (const auto& lease : context.store().cleanup_expired_leases({.collect = true}).leases) {
            const std::lock_guard lock(mutex);
            ends[lease.id].push_back(*lease.release_reason);
        }
    };
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    in_threads(4, [&](int number) {
        while (number == 3 && busy > 0 && std::chrono::steady_clock::now() < deadline) {
            collect();
            std::this_thread::yield();
        }
        for (const auto& lease : leases) {
            if (number == 0) {
                if (context.release(lease)) {
                    const std::lock_guard lock(mutex);
                    ends[lease.id].push_back(ReleaseReason::released);
                }
            } else if (number == 1) {
                if (context.control().revoke_lease({.lease_id = lease.id}).released) {
                    const std::lock_guard lock(mutex);
                    ends[lease.id].push_back(ReleaseReason::revoked);
                }
            } else if (number == 2) {
                const auto result = context.control().renew_lease({.lease_id = lease.id, .duration = 20ms});
                if (result.renewed) {
                    const std::lock_guard lock(mutex);
                    renewed[lease.id] = result.lease.value().expires_at;
                }
            }
        }
        --busy;
    });
    Context::until([&] { return context.stats().total_leases == 0; });
    collect();
    for (const auto& lease : leases) {
        ASSERT_EQ(ends[lease.id].size(), 1U) << "each ends once: " << lease;
        const auto record = context.control().get_lease({.lease_id = lease.id}).value();
        EXPECT_EQ(record.release_reason, ends[lease.id].front()) << record;
        if (renewed.contains(lease.id)) {
            EXPECT_GE(record.expires_at, renewed[lease.id]) << "a renewal was lost: " << record;
        }
        EXPECT_LE(*record.released_at, record.expires_at);
    }
    EXPECT_EQ(context.find("pool").value().current_leases, 0);
    context.expect_sound();
}

}  // namespace

std::vector<Case> revocation_cases() {
    return {
        {"revoked_lease_has_ended",
         {"M-06", "I-04"},
         {.lease_control = true, .replays = true},
         revoked_lease_has_ended},
        {"revoking_what_has_ended_answers_no",
         {"M-06"},
         {.lease_control = true},
         revoking_what_has_ended_answers_no},
        {"racing_ends_of_a_lease", {"M-07", "R-06", "E-05"}, {.lease_control = true}, racing_ends_of_a_lease},
    };
}

}  // namespace pharox::testkit
