// How a RecordStore picks proxies and leases them.
#include <algorithm>
#include <limits>
#include <set>
#include <thread>
#include <tuple>

#include "independent/filter.hpp"
#include "independent/record_store.hpp"
#include "pharox/errors.hpp"

namespace pharox::testkit::independent {

bool RecordStore::is_full(const Proxy& proxy) const {
    if (!proxy.max_concurrency) return false;
    return planted_("limit_is_off_by_one") ? proxy.current_leases > *proxy.max_concurrency
                                           : proxy.current_leases >= *proxy.max_concurrency;
}

bool RecordStore::is_leasable(const Proxy& proxy, bool allow_slow) const {
    if (planted_("inactive_ones_are_leasable_if_slow_are") && allow_slow &&
        proxy.status == ProxyStatus::inactive)
        return true;
    return proxy.status == ProxyStatus::active || (allow_slow && proxy.status == ProxyStatus::slow);
}

// ---- Picking

void RecordStore::sort(std::vector<ProxyRecord>& records, Selector selector) {
    const auto by = [&](auto key) {
        std::ranges::sort(records, [&](const ProxyRecord& left, const ProxyRecord& right) {
            const bool reverse = planted_("ties_go_by_id_descending") ||
                                 (planted_("rotation_begins_with_the_last_id") &&
                                  (selector == Selector::round_robin || selector == Selector::least_used));
            return std::tuple(key(left), reverse ? right.proxy.id : left.proxy.id) <
                   std::tuple(key(right), reverse ? left.proxy.id : right.proxy.id);
        });
    };
    const auto draw = [&](auto weight) {
        double largest = 0.0;
        for (const ProxyRecord& record : records) largest = std::max(largest, weight(record));
        for (auto next = records.begin(); next != records.end(); ++next) {
            double left = 0.0;
            for (auto it = next; it != records.end(); ++it) left += weight(*it) / largest;
            double drawn = std::uniform_real_distribution(0.0, left)(random_);
            auto it = next;
            for (; std::next(it) != records.end() && drawn >= weight(*it) / largest; ++it)
                drawn -= weight(*it) / largest;
            std::iter_swap(next, it);
        }
    };
    switch (selector) {
        case Selector::first_available:
            return by([&](const ProxyRecord& it) {
                const auto since = it.proxy.checked_at.time_since_epoch().count();
                if (planted_("first_available_is_the_oldest_checked")) return since;
                return planted_("first_available_compares_seconds") ? -(since / 1'000'000) : -since;
            });
        case Selector::round_robin:
            return by([](const ProxyRecord& it) { return it.use_mark; });
        case Selector::least_used:
            return by([&](const ProxyRecord& it) {
                const double share = static_cast<double>(it.proxy.current_leases) /
                                     it.proxy.max_concurrency.value_or(std::numeric_limits<int>::max());
                return std::tuple(
                    planted_("least_used_is_by_share") ? share : static_cast<double>(it.proxy.current_leases),
                    planted_("least_used_ties_go_by_id") ? 0 : it.use_mark);
            });
        case Selector::lowest_latency:
            return by([&](const ProxyRecord& it) {
                const double latency = it.proxy.latency_ms.value_or(
                    planted_("unmeasured_latency_is_zero") ? 0.0 : std::numeric_limits<double>::infinity());
                return planted_("latency_compares_whole_milliseconds")
                           ? std::min(latency, 1e15) - std::fmod(std::min(latency, 1e15), 1.0)
                           : latency;
            });
        case Selector::random:
            if (planted_("random_is_the_first")) return by([](const ProxyRecord&) { return 0; });
            return draw([](const ProxyRecord&) { return 1.0; });
        case Selector::weighted_random:
            if (planted_("weights_are_ignored")) return draw([](const ProxyRecord&) { return 1.0; });
            if (planted_("weights_are_squared"))
                return draw([](const ProxyRecord& it) { return it.proxy.weight * it.proxy.weight; });
            return draw([&](const ProxyRecord& it) {
                return planted_("weights_are_at_most_100") ? std::min(it.proxy.weight, 100.0)
                                                           : it.proxy.weight;
            });
    }
}

std::vector<ProxyRecord> RecordStore::candidates(const Wanted& wanted, PoolId pool) {
    std::vector<ProxyRecord> found;
    std::vector<ProxyRecord> slow;
    std::size_t looked_at = 0;
    for (ProxyRecord& record : members(pool)) {
        const Proxy& proxy = record.proxy;
        if (planted_("only_100_proxies_are_looked_at") && ++looked_at > 100) break;
        if (planted_("only_1000_proxies_are_looked_at") && ++looked_at > 1'000) break;
        if (!is_leasable(proxy, wanted.allow_slow) || (is_full(proxy) && !planted_("find_shows_full_ones")))
            continue;
        if (wanted.selector == Selector::weighted_random && proxy.weight == 0.0 &&
            !planted_("weight_zero_is_drawn"))
            continue;
        if (wanted.selector == Selector::lowest_latency && !proxy.latency_ms &&
            planted_("lowest_latency_leaves_out_unmeasured"))
            continue;
        if (fit(wanted.filters, proxy, false, planted_) == Fit::no) continue;
        (proxy.status == ProxyStatus::active || planted_("slow_ones_count_as_active") ? found : slow)
            .push_back(std::move(record));
    }
    sort(found, wanted.selector);
    if (!planted_("slow_ones_go_in_id_order")) sort(slow, wanted.selector);
    if (found.empty() || wanted.filters.has_predicate()) found.insert(found.end(), slow.begin(), slow.end());
    if (planted_("predicates_see_the_first_20_candidates") && found.size() > 20) found.resize(20);
    return found;
}

Miss RecordStore::kind_of_miss(const Wanted& wanted) const {
    const auto pool = pool_named(wanted.pool);
    if (!pool) return Miss::pool_unknown;
    const bool asks = wanted.filters.has_predicate();
    bool of_weight_zero = false;
    for (const ProxyRecord& record : members(pool->id)) {
        if (!is_leasable(record.proxy, wanted.allow_slow && !planted_("misses_forget_slow_ones"))) continue;
        if (!planted_("misses_forget_the_filters") &&
            fit(wanted.filters, record.proxy, false, planted_) == Fit::no)
            continue;
        if (is_full(record.proxy)) return asks ? Miss::none_available : Miss::all_busy;
        of_weight_zero = true;
    }
    return of_weight_zero && !asks ? Miss::none_available : Miss::nothing_matches;
}

template <class Result>
Result RecordStore::choose(const Wanted& wanted, const std::function<std::optional<Result>()>& before,
                           const std::function<Result(ProxyRecord&)>& use,
                           const std::function<Result()>& otherwise) {
    const auto first = [&](std::vector<ProxyRecord>& found) -> Result {
        return found.empty() ? otherwise() : use(found.front());
    };
    const auto ask = [&](std::vector<ProxyRecord>& found) -> std::optional<Result> {
        const auto pool = pool_named(wanted.pool);
        if (!pool) return otherwise();
        if (auto early = before()) return early;
        found = candidates(wanted, pool->id);
        return std::nullopt;
    };
    if (!wanted.filters.has_predicate()) {
        return transact([&]() -> Result {
            std::vector<ProxyRecord> found;
            if (auto early = ask(found)) return *std::move(early);
            std::erase_if(found, [&](const ProxyRecord& it) {
                return fit(wanted.filters, it.proxy, true, planted_) == Fit::no;
            });
            return first(found);
        });
    }
    const auto accepts = [&](const ProxyRecord& it) {
        return fit(wanted.filters, it.proxy, true, planted_) == Fit::yes;
    };
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        std::vector<ProxyRecord> found;
        if (auto early = transact([&] { return ask(found); })) return *std::move(early);
        for (ProxyRecord& candidate : found) {
            if (!accepts(candidate)) continue;
            if (planted_("predicates_are_asked_about_all")) std::ranges::for_each(found, accepts);
            auto result = transact([&]() -> std::optional<Result> {
                auto current = proxy_record(candidate.proxy.id);
                if (!current) return std::nullopt;
                if (auto early = before()) return early;
                if (planted_("predicates_choice_is_not_checked_again")) return use(*current);
                if (is_full(current->proxy)) return std::nullopt;
                candidate.proxy.current_leases = current->proxy.current_leases;
                if (!(current->proxy == candidate.proxy) && !planted_("predicates_choice_may_have_changed"))
                    return std::nullopt;
                return use(*current);
            });
            if (result) return *std::move(result);
            lost_a_race = !planted_("lost_race_is_a_miss");
        }
    }
    return transact([&]() -> Result {
        if (pool_named(wanted.pool)) {
            if (auto early = before()) return *std::move(early);
        }
        return otherwise();
    });
}

FindResult RecordStore::find_available_proxy(const FindRequest& request) {
    validate(request);
    const Wanted wanted{.pool = request.pool,
                        .filters = request.filters,
                        .selector = request.selector,
                        .allow_slow = request.allow_slow && !planted_("find_ignores_allow_slow")};
    return choose<FindResult>(
        wanted, [] { return std::nullopt; },
        [&](ProxyRecord& record) {
            if ((request.selector == Selector::round_robin && !planted_("find_leaves_the_mark")) ||
                planted_("every_find_renews_the_mark")) {
                record.use_mark = next_mark();
                put(record);
            }
            if (planted_("find_reserves")) update_counter(record.proxy.id, 1);
            return FindResult{.proxy = record.proxy, .expired = take_unreported()};
        },
        [&] { return FindResult{.expired = take_unreported()}; });
}

// ---- Leasing

LeasedProxy RecordStore::make_lease(const ProxyRecord& record, const Consumer& consumer,
                                    const AcquireRequest& terms) {
    ProxyRecord changed = record;
    const std::int64_t time = now_.time_since_epoch().count();
    changed.token = std::max(changed.token + 1, planted_("token_is_in_milliseconds") ? time / 1'000 : time);
    if (planted_("token_is_the_time")) changed.token = time;
    if (planted_("token_leaps")) changed.token += 1'000'000;
    ++changed.proxy.current_leases;
    changed.use_mark = next_mark();
    put(changed);
    Duration duration = terms.duration;
    if (planted_("long_durations_are_whole_seconds") && duration > std::chrono::hours(1))
        duration = std::chrono::floor<std::chrono::seconds>(duration);
    if (planted_("durations_have_32_bits_of_microseconds"))
        duration = std::chrono::milliseconds(static_cast<std::int32_t>(duration.count() * 1'000) / 1'000);
    if (planted_("durations_are_at_least_a_second"))
        duration = std::max<Duration>(duration, std::chrono::seconds(1));
    if (planted_("durations_are_at_most_a_day"))
        duration = std::min<Duration>(duration, std::chrono::days(1));
    if (planted_("durations_are_at_most_24_days"))
        duration = std::min<Duration>(duration, Duration(2'147'483'647));
    Lease lease{.id = terms.lease_id.is_nil() ? LeaseId::make() : terms.lease_id,
                .proxy_id = changed.proxy.id,
                .consumer_id = consumer.id,
                .pool_id = changed.proxy.pool_id,
                .pool_name = name_of(changed.proxy.pool_id),
                .acquired_at = now_,
                .expires_at = now_ + duration,
                .fencing_token = changed.token,
                .metadata = terms.metadata};
    if (terms.max_tenure && !planted_("tenure_is_not_stored")) {
        const Duration tenure = planted_("tenure_is_whole_seconds")
                                    ? std::chrono::floor<std::chrono::seconds>(*terms.max_tenure)
                                    : *terms.max_tenure;
        lease.tenure_ends_at = (planted_("tenure_begins_at_the_end") ? lease.expires_at : now_) + tenure;
    }
    const std::string id = lease.id.to_string();
    put(lease);
    tables_.put("expires/" + in_order(lease.expires_at.time_since_epoch().count()) + "/" + id, "");
    tables_.put("on/" + lease.proxy_id.to_string() + "/" + id, "");
    tables_.put("by/" + lease.consumer_id.to_string() + "/" + id, "");
    return {changed.proxy, codec_.lease(*tables_.find("lease/" + id))};
}

std::optional<LeasedProxy> RecordStore::repeated(LeaseId id, const std::string& consumer) {
    if (id.is_nil() || planted_("lease_ids_are_not_looked_up")) return std::nullopt;
    const auto lease = lease_record(id);
    if (!lease) return std::nullopt;
    const auto asking = consumer_named(consumer);
    if ((!asking || asking->id != lease->consumer_id) && !planted_("repeats_ignore_the_consumer")) {
        throw ConflictError("lease_id", planted_("conflicts_hide_the_value") ? "" : id.to_string(),
                            "was used by another consumer");
    }
    if (lease->status == LeaseStatus::released) {
        if (planted_("ended_ids_lease_again")) return std::nullopt;
        throw LeaseEndedError(id);
    }
    auto record = proxy_record(lease->proxy_id).value();
    if (planted_("repeats_need_an_active_proxy") && record.proxy.status != ProxyStatus::active)
        return std::nullopt;
    if (planted_("repeats_renew_the_mark")) update_counter(record.proxy.id, 0);
    if (planted_("repeats_renew_the_lease")) {
        Lease renewed = *lease;
        renewed.acquired_at = now_;
        put(renewed);
    }
    LeasedProxy result(record.proxy, *lease_record(id));
    result.replayed = !planted_("repeats_do_not_say_so");
    return result;
}

LeasedProxy RecordStore::create_lease(const CreateLeaseRequest& request) {
    validate(request);
    return transact([&] {
        const auto asked = proxy_record(request.proxy_id);
        if (!asked && planted_("create_lease_looks_for_the_proxy_first"))
            throw ProxyNotFoundError(request.proxy_id);
        auto leased = repeated(request.lease_id, request.consumer);
        if (leased && asked && leased->lease().proxy_id != request.proxy_id &&
            asked->proxy.pool_id != leased->lease().pool_id &&
            !planted_("create_lease_ignores_the_pool_of_a_repeat")) {
            throw ConflictError("lease_id", request.lease_id.to_string(), "was used for another pool");
        }
        if (leased && asked && leased->lease().proxy_id != request.proxy_id &&
            planted_("repeat_with_another_proxy_is_a_conflict"))
            throw ConflictError("lease_id", request.lease_id.to_string(), "was used for another proxy");
        if (!leased) {
            if (!asked) throw ProxyNotFoundError(request.proxy_id);
            const auto consumer = consumer_named(request.consumer);
            if (!consumer) throw ConsumerNotFoundError(request.consumer);
            if (!is_leasable(asked->proxy, request.allow_slow || planted_("create_lease_takes_slow_ones")) &&
                !planted_("create_lease_ignores_the_status"))
                throw ProxyUnavailableError(request.proxy_id, "it is not active");
            if (is_full(asked->proxy) && !planted_("create_lease_ignores_the_limit"))
                throw ProxyUnavailableError(request.proxy_id, "it is full");
            leased = make_lease(
                *asked, *consumer,
                {.duration = request.duration,
                 .lease_id = request.lease_id,
                 .metadata = planted_("create_lease_loses_metadata") ? Json::object() : request.metadata,
                 .max_tenure =
                     planted_("create_lease_loses_the_tenure") ? std::nullopt : request.max_tenure});
        }
        leased->expired = take_unreported();
        return *std::move(leased);
    });
}

AcquireResult RecordStore::try_acquire(const AcquireRequest& request) {
    validate(request);
    const Wanted wanted{
        .pool = request.pool,
        .filters = request.filters,
        .selector = planted_("acquire_ignores_the_selector") ? Selector::first_available : request.selector,
        .allow_slow = request.allow_slow && !planted_("acquire_ignores_allow_slow")};
    const std::string consumer =
        request.consumer.empty() ? std::string(default_consumer_name) : request.consumer;
    auto result = choose<AcquireResult>(
        wanted,
        [&]() -> std::optional<AcquireResult> {
            try {
                auto leased = repeated(request.lease_id, consumer);
                if (!leased) return std::nullopt;
                const auto pool = pool_named(request.pool);
                if (leased->lease().pool_id != pool->id &&
                    !planted_("acquire_ignores_the_pool_of_a_repeat")) {
                    throw ConflictError("lease_id", request.lease_id.to_string(),
                                        "was used for another pool");
                }
                AcquireResult again(*leased);
                again.replayed = leased->replayed;
                return again;
            } catch (const LeaseEndedError&) {
                if (planted_("acquire_throws_for_ended_ids")) throw;
                return AcquireResult(Miss::lease_ended);
            }
        },
        [&](ProxyRecord& record) -> AcquireResult {
            auto known = consumer_named(consumer);
            if (!known && planted_("acquire_registers_consumers")) {
                known = Consumer{.name = consumer};
                tables_.put(consumer_key(consumer), codec_.encode(*known));
            }
            if (!known) throw ConsumerNotFoundError(consumer);
            return make_lease(record, *known, request);
        },
        [&]() -> AcquireResult { return kind_of_miss(wanted); });
    const std::lock_guard lock(mutex_);
    result.expired = take_unreported();
    return result;
}

AcquireManyResult RecordStore::acquire_many(const AcquireManyRequest& request) {
    AcquireManyRequest asked = request;
    if (planted_("batches_are_not_distinct")) asked.distinct = false;
    if (planted_("batches_are_always_distinct")) asked.distinct = true;
    if (planted_("batches_ignore_their_ids")) asked.lease_ids.clear();
    if (planted_("batches_lose_the_metadata")) asked.each.metadata = Json::object();
    if (planted_("batches_are_at_most_100")) asked.count = std::min<std::size_t>(asked.count, 100);
    if (planted_("short_batches_lease_nothing")) {
        AcquireManyResult result = IStorage::acquire_many(asked);
        if (result.miss) {
            for (const LeasedProxy& leased : result.leased) release_lease({.lease_id = leased.lease().id});
            result.leased.clear();
        }
        return result;
    }
    AcquireManyResult result = IStorage::acquire_many(asked);
    if (planted_("batches_tell_no_miss")) result.miss.reset();
    return result;
}

}  // namespace pharox::testkit::independent
