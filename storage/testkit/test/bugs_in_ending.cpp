// Wrong ends of leases, wrong counts, wrong consumers.
#include <algorithm>
#include <map>
#include <set>

#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

class ReleaseNeverFrees : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        const auto lease = inner().lease_control()->get_lease({.lease_id = request.lease_id});
        if (!lease || lease->status == LeaseStatus::released || !released_.insert(request.lease_id).second) {
            return {.released = false, .lease = lease};
        }
        Lease ended = *lease;
        ended.status = LeaseStatus::released;
        ended.release_reason = ReleaseReason::released;
        ended.released_at = clock_->now();
        return {.released = true, .lease = ended};
    }

  private:
    std::set<LeaseId> released_;
};

class SecondReleaseAnswersYes : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        auto result = inner().release_lease(request);
        result.released = result.lease.has_value();
        return result;
    }
};

/// The second release of a lease frees another lease of the same proxy.
class SecondReleaseFreesAnother : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        auto leased = inner().create_lease(request);
        made_.push_back(leased.lease());
        return leased;
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        auto result = inner().release_lease(request);
        if (!result.released && result.lease) {
            for (const auto& other : made_) {
                if (other.proxy_id == result.lease->proxy_id &&
                    inner().release_lease({.lease_id = other.id}).released) {
                    break;
                }
            }
        }
        return result;
    }

  private:
    std::vector<Lease> made_;
};

/// Believes the pool that the caller names.
class ReleaseBelievesThePool : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        auto leased = inner().create_lease(request);
        made_.push_back(leased.lease());
        return leased;
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        for (const auto& other : made_) {
            if (!request.pool.empty() && other.pool_name == request.pool && other.id != request.lease_id) {
                return inner().release_lease({.lease_id = other.id});
            }
        }
        return inner().release_lease(request);
    }

  private:
    std::vector<Lease> made_;
};

class ReleaseOfAnExpiredLeaseCounts : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        auto result = inner().release_lease(request);
        if (result.lease && result.lease->release_reason == ReleaseReason::expired) {
            result.released = true;
            result.lease->release_reason = ReleaseReason::released;
            result.lease->released_at = clock_->now();
        }
        return result;
    }
};

/// Counts what it saw itself: leases end by release or cleanup alone.
class ExpiredLeaseBlocks : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        for (const auto& [id, proxy] : held_) {
            const auto stored = inner().catalog()->get_proxy(proxy);
            if (proxy == request.proxy_id && stored && stored->max_concurrency == 1) {
                throw ProxyUnavailableError(proxy, "leased, as far as I know");
            }
        }
        auto leased = inner().create_lease(request);
        held_[leased.lease().id] = leased.lease().proxy_id;
        return leased;
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        held_.erase(request.lease_id);
        return inner().release_lease(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override { return inner().try_acquire(request); }

  private:
    std::map<LeaseId, ProxyId> held_;
};

/// A lease lives one instant longer: expired iff expires_at < now.
class ExclusiveBoundary : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        CreateLeaseRequest longer = request;
        longer.duration = std::min<Duration>(request.duration + 1ms, max_lease_duration);
        validate(request);
        const auto leased = inner().create_lease(longer);
        Lease lease = leased.lease();
        lease.expires_at = lease.acquired_at + request.duration;
        return {leased.proxy(), lease};
    }
};

class CleanupCountsTwice : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        auto result = inner().cleanup_expired_leases(request);
        const auto now = result;
        result.count += last_.count;
        result.leases.insert(result.leases.begin(), last_.leases.begin(), last_.leases.end());
        last_ = now;
        return result;
    }

  private:
    CleanupResult last_;
};

class CleanupInAnyOrder : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    CleanupResult cleanup_expired_leases(const CleanupRequest& request) override {
        auto result = inner().cleanup_expired_leases(request);
        std::reverse(result.leases.begin(), result.leases.end());
        return result;
    }
};

class StatisticsAreOld : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        auto stats = inner().get_pool_stats(request);
        if (stats && !old_.contains(request.pool)) {
            old_[request.pool] = *stats;
        }
        return stats ? std::optional(old_[request.pool]) : std::nullopt;
    }

  private:
    std::map<std::string, PoolStatsSnapshot> old_;
};

class FullOnesAreAvailable : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    PoolStats get_pool_stats(const PoolStatsRequest& request) override {
        auto stats = inner().get_pool_stats(request);
        if (stats) {
            stats->available_proxies = stats->active_proxies;
        }
        return stats;
    }
};

class NamesAreFolded : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        EnsureConsumerRequest folded = request;
        std::transform(folded.name.begin(), folded.name.end(), folded.name.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        return inner().ensure_consumer(folded);
    }
};

class ConsumerIsMadeTwice : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ConsumerId ensure_consumer(const EnsureConsumerRequest& request) override {
        inner().ensure_consumer(request);
        return ConsumerId::make();
    }
};

/// The clock as the caller has it, forwards and backwards.
class TimeRunsBackwards : public Spoilt {
  public:
    explicit TimeRunsBackwards(const Setup& setup) : Spoilt(setup) {}
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        Lease lease = leased.lease();
        lease.acquired_at = clock_->now();
        lease.expires_at = lease.acquired_at + request.duration;
        return {leased.proxy(), lease};
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_ending() {
    return {
        plant<ReleaseNeverFrees>("ReleaseNeverFrees", {"answers_are_the_models", "release_ends_the_lease",
                                                       "counter_follows_leases"}),
        plant<SecondReleaseAnswersYes>("SecondReleaseAnswersYes",
                                       {"second_release_answers_no", "racing_releases"}),
        plant<SecondReleaseFreesAnother>("SecondReleaseFreesAnother", {"second_release_answers_no"}),
        plant<ReleaseBelievesThePool>("ReleaseBelievesThePool", {"release_frees_the_stored_proxy"}),
        plant<ReleaseOfAnExpiredLeaseCounts>("ReleaseOfAnExpiredLeaseCounts",
                                             {"expired_lease_is_not_released"}),
        plant<ExpiredLeaseBlocks>("ExpiredLeaseBlocks", {"expired_leases_block_no_acquire"}),
        plant<ExclusiveBoundary>("ExclusiveBoundary", {"lease_ends_exactly_then", "cleanup_at_the_boundary"}),
        plant<CleanupCountsTwice>("CleanupCountsTwice", {"cleanup_counts_each_lease_once"}),
        plant<CleanupInAnyOrder>("CleanupInAnyOrder",
                                 {"answers_are_the_models", "collected_leases_are_in_order"}),
        plant<StatisticsAreOld>("StatisticsAreOld", {"statistics_count_proxies_and_leases"}),
        plant<FullOnesAreAvailable>("FullOnesAreAvailable", {"statistics_count_proxies_and_leases"}),
        plant<NamesAreFolded>("NamesAreFolded", {"consumers_differ_by_bytes"}),
        plant<ConsumerIsMadeTwice>("ConsumerIsMadeTwice", {"consumer_is_made_once"}),
        plant<TimeRunsBackwards>("TimeRunsBackwards", {"store_time_never_runs_backwards"}),
    };
}

}  // namespace pharox::testkit
