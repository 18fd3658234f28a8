// Wrong leases.
#include <algorithm>
#include <mutex>
#include <thread>

#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

class OverLease : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        try {
            return inner().create_lease(request);
        } catch (const ProxyUnavailableError&) {
            auto proxy = inner().catalog()->get_proxy(request.proxy_id).value();
            if (proxy.status != ProxyStatus::active) {
                throw;
            }
            const auto limit = proxy.max_concurrency;
            proxy.max_concurrency = std::nullopt;
            inner().catalog()->update_proxy(proxy);
            auto leased = inner().create_lease(request);
            proxy.max_concurrency = limit;
            inner().catalog()->update_proxy(proxy);
            return leased;
        }
    }
};

/// Checks the limit and leases in two steps: right for one caller, wrong for two.
class CheckThenLease : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto proxy = inner().catalog()->get_proxy(request.proxy_id);
        if (proxy && proxy->max_concurrency && proxy->current_leases >= *proxy->max_concurrency) {
            throw ProxyUnavailableError(request.proxy_id, "full");
        }
        return late_.create_lease(request);
    }

  private:
    /// Leases without a limit, after a while.
    struct Late {
        explicit Late(CheckThenLease& owner) : owner_(owner) {}
        LeasedProxy create_lease(const CreateLeaseRequest& request) {
            std::this_thread::sleep_for(100us);  // the other caller's chance
            const std::lock_guard lock(mutex_);
            auto proxy = owner_.inner().catalog()->get_proxy(request.proxy_id);
            if (!proxy || proxy->status != ProxyStatus::active) {
                return owner_.inner().create_lease(request);
            }
            const auto limit = proxy->max_concurrency;
            proxy->max_concurrency = std::nullopt;
            owner_.inner().catalog()->update_proxy(*proxy);
            auto leased = owner_.inner().create_lease(request);
            proxy->max_concurrency = limit;
            owner_.inner().catalog()->update_proxy(*proxy);
            return leased;
        }
        CheckThenLease& owner_;
        std::mutex mutex_;
    };
    Late late_{*this};
};

class LeasesBannedProxies : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        auto proxy = inner().catalog()->get_proxy(request.proxy_id);
        if (!proxy || proxy->status == ProxyStatus::active) {
            return inner().create_lease(request);
        }
        const auto status = proxy->status;
        proxy->status = ProxyStatus::active;
        inner().catalog()->update_proxy(*proxy);
        auto leased = inner().create_lease(request);
        proxy->status = status;
        inner().catalog()->update_proxy(*proxy);
        return leased;
    }
};

/// Shows a lost race to its caller.
class LostRaceThrows : public Spoilt {
  public:
    using Spoilt::Spoilt;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        const auto found = find_available_proxy(
            {.pool = request.pool, .filters = request.filters, .selector = request.selector});
        if (!found.proxy) {
            return inner().try_acquire(request);
        }
        std::this_thread::sleep_for(100us);  // the other caller's chance
        return create_lease({.proxy_id = found.proxy->id,
                             .consumer = request.consumer,
                             .duration = request.duration,
                             .lease_id = request.lease_id,
                             .metadata = request.metadata});
    }
};

class ConsumerBeforePool : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        if (!request.consumer.empty() && !inner().catalog()->get_consumer(request.consumer)) {
            throw ConsumerNotFoundError(request.consumer);
        }
        return inner().try_acquire(request);
    }
};

class ConsumersAreMadeByTheWay : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        inner().ensure_consumer({.name = request.consumer});
        return inner().create_lease(request);
    }
};

/// A repeated id makes a second lease, with an id of its own.
class ReplayLeasesTwice : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        CreateLeaseRequest other = request;
        if (!request.lease_id.is_nil() &&
            inner().lease_control()->get_lease({.lease_id = request.lease_id})) {
            other.lease_id = LeaseId::make();
        }
        return inner().create_lease(other);
    }
};

class EndedIdLeasesAgain : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        auto result = inner().try_acquire(request);
        if (!result && result.miss() == Miss::lease_ended) {
            AcquireRequest fresh = request;
            fresh.lease_id = LeaseId::make();
            return inner().try_acquire(fresh);
        }
        return result;
    }
};

class AnyConsumerMayReplay : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        AcquireRequest other = request;
        if (const auto lease = inner().lease_control()->get_lease({.lease_id = request.lease_id})) {
            other.pool = lease->pool_name;
        }
        return inner().try_acquire(other);
    }
};

class TokensStandStill : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        Lease lease = leased.lease();
        lease.fencing_token = lease.acquired_at.time_since_epoch().count();
        return {leased.proxy(), lease};
    }
};

class TokensLeap : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        Lease lease = leased.lease();
        lease.fencing_token *= 2;
        return {leased.proxy(), lease};
    }
};

/// expires_at comes from one reading of the clock, acquired_at from another.
class DurationIsInexact : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        Lease lease = leased.lease();
        lease.expires_at -= 1us;
        return {leased.proxy(), lease};
    }
};

class MetadataAreLost : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        CreateLeaseRequest without = request;
        validate(request);
        without.metadata = Json::object();
        return inner().create_lease(without);
    }
};

class ProxyComesWithAnOldCounter : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        Proxy proxy = leased.proxy();
        --proxy.current_leases;
        LeasedProxy old(proxy, leased.lease());
        return old;
    }
};

/// Hands out one object that it goes on changing.
class SharedMutableProxy : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        const auto leased = inner().create_lease(request);
        const auto live = std::make_shared<Proxy>(leased.proxy());
        live_.push_back(live);
        return {std::shared_ptr<const Proxy>(live), std::make_shared<const Lease>(leased.lease())};
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        for (const auto& live : live_) {
            --live->current_leases;
        }
        return inner().release_lease(request);
    }

  private:
    std::vector<std::shared_ptr<Proxy>> live_;
};

class LongDurationsAreClamped : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        CreateLeaseRequest clamped = request;
        clamped.duration = std::clamp<Duration>(request.duration, min_lease_duration, max_lease_duration);
        return inner().create_lease(clamped);
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_leasing() {
    return {
        plant<OverLease>("OverLease", {"answers_are_the_models", "full_proxy_is_not_leased",
                                       "racing_create_leases_for_one_slot"}),
        plant<CheckThenLease>("CheckThenLease", {"limits_hold_under_contention"}),
        plant<LeasesBannedProxies>("LeasesBannedProxies",
                                   {"inactive_proxy_is_not_leased", "changed_status_lets_leases_run"}),
        plant<LostRaceThrows>("LostRaceThrows", {"racing_acquires_for_one_slot"}),
        plant<ConsumerBeforePool>("ConsumerBeforePool", {"unknown_pool_is_a_miss"}),
        plant<ConsumersAreMadeByTheWay>("ConsumersAreMadeByTheWay", {"unknown_consumer_gets_no_lease"}),
        plant<ReplayLeasesTwice>("ReplayLeasesTwice", {"answers_are_the_models", "same_id_same_lease"}),
        plant<EndedIdLeasesAgain>("EndedIdLeasesAgain",
                                  {"released_id_never_leases_again", "expired_id_never_leases_again"}),
        plant<AnyConsumerMayReplay>("AnyConsumerMayReplay", {"id_of_another_caller_is_a_conflict"}),
        plant<TokensStandStill>("TokensStandStill", {"answers_are_the_models", "tokens_increase",
                                                     "tokens_whatever_the_clock_does"}),
        plant<TokensLeap>("TokensLeap", {"answers_are_the_models", "tokens_are_no_more_than_they_must_be"}),
        plant<DurationIsInexact>("DurationIsInexact", {"duration_is_exact", "lease_says_what_was_asked"}),
        plant<MetadataAreLost>("MetadataAreLost", {"lease_metadata_come_back"}),
        plant<ProxyComesWithAnOldCounter>("ProxyComesWithAnOldCounter", {"counter_follows_leases"}),
        plant<SharedMutableProxy>("SharedMutableProxy", {"what_is_returned_is_a_copy"}),
        plant<LongDurationsAreClamped>("LongDurationsAreClamped", {"invalid_durations_are_refused"}),
    };
}

}  // namespace pharox::testkit
