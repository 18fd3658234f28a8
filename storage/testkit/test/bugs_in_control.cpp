// Wrong lease control, batches, slow proxies and waits.
#include <algorithm>
#include <iterator>

#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

class SpoiltControl : public SpoiltElsewhere, public ILeaseControl {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ILeaseControl* lease_control() override { return this; }
    RenewResult renew_lease(const RenewRequest& request) override { return control().renew_lease(request); }
    ReleaseResult revoke_lease(const RevokeRequest& request) override {
        return control().revoke_lease(request);
    }
    std::optional<Lease> get_lease(const GetLeaseRequest& request) override {
        return control().get_lease(request);
    }
    Page<Lease> list_leases(const ListLeasesRequest& request) override {
        return control().list_leases(request);
    }

  protected:
    [[nodiscard]] ILeaseControl& control() const { return *inner().lease_control(); }
};

class TenureIsForgotten : public Spoilt {
  public:
    using Spoilt::Spoilt;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        validate(request);
        CreateLeaseRequest without = request;
        without.max_tenure = std::nullopt;
        return inner().create_lease(without);
    }
};

/// Answers a renewal beyond the tenure, which the store does not grant.
class RenewalIgnoresTheTenure : public SpoiltControl {
  public:
    using SpoiltControl::SpoiltControl;
    RenewResult renew_lease(const RenewRequest& request) override {
        auto result = control().renew_lease(request);
        if (result.lease && result.lease->status == LeaseStatus::active) {
            result.renewed = true;
            result.lease->expires_at =
                std::max<Timestamp>(result.lease->expires_at, clock_->now() + request.duration);
        }
        return result;
    }
};

class RevokedReadsReleased : public SpoiltControl {
  public:
    using SpoiltControl::SpoiltControl;
    ReleaseResult revoke_lease(const RevokeRequest& request) override {
        return inner().release_lease({.lease_id = request.lease_id, .pool = request.pool});
    }
};

/// Each page begins with the last one of the page before.
class PagesOverlap : public SpoiltControl {
  public:
    using SpoiltControl::SpoiltControl;
    Page<Lease> list_leases(const ListLeasesRequest& request) override {
        auto page = control().list_leases(request);
        if (!request.after.empty() && !page.items.empty()) {
            page.items.insert(page.items.begin(),
                              control().get_lease({.lease_id = LeaseId::parse(request.after)}).value());
        }
        return page;
    }
};

class ListIgnoresTheConsumer : public SpoiltControl {
  public:
    using SpoiltControl::SpoiltControl;
    Page<Lease> list_leases(const ListLeasesRequest& request) override {
        auto without = request;
        without.consumer.clear();
        return control().list_leases(without);
    }
};

class FullPageSaysThereIsMore : public SpoiltControl {
  public:
    using SpoiltControl::SpoiltControl;
    Page<Lease> list_leases(const ListLeasesRequest& request) override {
        auto page = control().list_leases(request);
        if (page.items.size() == request.limit) {
            page.next = page.items.back().id.to_string();
        }
        return page;
    }
};

class BatchLeavesWhatItHad : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        validate(request);
        AcquireManyResult result;
        auto each = request.each;
        for (std::size_t i = 0; i < request.count; ++i) {
            each.lease_id = request.lease_ids.empty() ? LeaseId::make() : request.lease_ids[i];
            const auto one = try_acquire(each);
            if (!one) {
                result.miss = one.miss();
                break;
            }
            result.leased.push_back(one.leased());
        }
        return result;
    }
};

class BatchForgetsDistinct : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        auto any = request;
        any.distinct = false;
        return inner().acquire_many(any);
    }
};

class BatchDrawsItsIds : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        auto drawn = request;
        drawn.lease_ids.clear();
        return inner().acquire_many(drawn);
    }
};

class ShortBatchThrows : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        auto result = inner().acquire_many(request);
        if (result.miss) {
            throw ProxyUnavailableError(ProxyId(), "there are not so many");
        }
        return result;
    }
};

class ReleasesComeInAnyOrder : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override {
        auto results = inner().release_many(requests);
        std::reverse(results.begin(), results.end());
        return results;
    }
};

class SlowIsNeverTaken : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        auto active = request;
        active.allow_slow = false;
        return inner().find_available_proxy(active);
    }
};

class SlowGoesFirst : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        if (request.allow_slow) {
            auto slow = request;
            slow.filters.predicate = [asked = request.filters.predicate](const Proxy& it) {
                return it.status == ProxyStatus::slow && (!asked || asked(it));
            };
            if (auto found = inner().find_available_proxy(slow); found.proxy) {
                return found;
            }
        }
        return inner().find_available_proxy(request);
    }
};

/// A batch that does not look whether requests are queued.
class BatchesOvertake : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        validate(request);
        if (request.distinct || !request.lease_ids.empty()) return Spoilt::acquire_many(request);
        AcquireManyResult result;
        while (!result.miss && result.leased.size() < request.count) {
            AcquireResult one = inner().try_acquire(request.each);
            std::move(one.expired.begin(), one.expired.end(), std::back_inserter(result.expired));
            if (one) {
                result.leased.push_back(one.leased());
            } else {
                result.miss = one.miss();
            }
        }
        return result;
    }
};

class MissTellsTheWrongReason : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        AcquireResult result = inner().try_acquire(request);
        if (result || result.miss() != Miss::nothing_matches) return result;
        AcquireResult wrong(Miss::all_busy);
        wrong.expired = std::move(result.expired);
        return wrong;
    }
};

/// What an answer is lost of, is leased once more.
class IdsAreIgnored : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    AcquireResult try_acquire(const AcquireRequest& request) override {
        auto fresh = request;
        fresh.lease_id = LeaseId::make();
        return inner().try_acquire(fresh);
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_control() {
    return {
        plant<TenureIsForgotten>("TenureIsForgotten", {"answers_are_the_models", "lease_says_its_tenure"}),
        plant<RenewalIgnoresTheTenure>("RenewalIgnoresTheTenure",
                                       {"answers_are_the_models", "renewals_end_with_the_tenure"}),
        plant<RevokedReadsReleased>("RevokedReadsReleased",
                                    {"answers_are_the_models", "revoked_lease_has_ended"}),
        plant<PagesOverlap>("PagesOverlap", {"leases_come_in_pages"}),
        plant<ListIgnoresTheConsumer>("ListIgnoresTheConsumer",
                                      {"answers_are_the_models", "leases_are_listed_by_what_is_asked"}),
        plant<FullPageSaysThereIsMore>("FullPageSaysThereIsMore", {"leases_come_in_pages"}),
        plant<BatchLeavesWhatItHad>("BatchLeavesWhatItHad", {"batch_that_throws_leaves_nothing"}),
        plant<BatchForgetsDistinct>("BatchForgetsDistinct",
                                    {"answers_are_the_models", "distinct_batch_repeats_no_proxy"}),
        plant<BatchDrawsItsIds>("BatchDrawsItsIds",
                                {"answers_are_the_models", "batch_uses_the_ids_that_are_given"}),
        plant<ShortBatchThrows>("ShortBatchThrows", {"answers_are_the_models", "short_batch_is_no_error"}),
        plant<ReleasesComeInAnyOrder>("ReleasesComeInAnyOrder",
                                      {"answers_are_the_models", "batch_of_releases"}),
        plant<SlowIsNeverTaken>("SlowIsNeverTaken",
                                {"answers_are_the_models", "slow_one_is_found_if_allowed"}),
        plant<SlowGoesFirst>("SlowGoesFirst", {"answers_are_the_models", "active_one_goes_before_slow_ones"}),
        plant<BatchesOvertake>("BatchesOvertake", {"batch_does_not_overtake"}),
        plant<MissTellsTheWrongReason>("MissTellsTheWrongReason", {"timeout_gives_the_reason"}),
        plant<IdsAreIgnored>("IdsAreIgnored", {"answers_are_the_models", "acquires_under_faults"}),
    };
}

}  // namespace pharox::testkit
