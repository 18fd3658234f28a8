#include "independent/record_store.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <thread>

#include "pharox/errors.hpp"

namespace pharox::testkit::independent {

namespace {

constexpr Duration least_retention = std::chrono::minutes(10);

std::string folded(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(std::tolower(c));
    }
    return text;
}

std::string without_trailing_spaces(std::string text) {
    text.resize(text.find_last_not_of(' ') + 1);
    return text;
}

std::string composed(std::string text) {
    for (std::size_t at = text.find("e\xCC\x81"); at != std::string::npos; at = text.find("e\xCC\x81", at))
        text.replace(at, 3, "\xC3\xA9");
    return text;
}

}  // namespace

RecordStore::RecordStore(RecordStoreOptions options)
    : options_(std::move(options)),
      planted_(options_.planted),
      codec_(planted_),
      tables_(options_.file, planted_) {
    if (const std::string* const now = tables_.find("meta/now"); now != nullptr)
        now_ = Timestamp(std::chrono::microseconds(std::stoll(*now)));
}

// ---- Time and the end of leases

void RecordStore::collect_expired() {
    const Timestamp clock = options_.clock->now();
    now_ = planted_("time_runs_backwards") ? clock : std::max(now_, clock);
    if (planted_("now_is_whole_seconds")) now_ = std::chrono::floor<std::chrono::seconds>(now_);
    for (auto [entry, last] = tables_.range("expires/"); entry != last;) {
        const std::string key = entry->first.substr(sizeof "expires/" - 1);
        ++entry;
        const std::int64_t now = now_.time_since_epoch().count();
        const std::string expires = key.substr(0, 19);
        if (planted_("lease_ends_after_expires_at") ? expires >= in_order(now) : expires > in_order(now))
            break;
        auto lease = lease_record(LeaseId::parse(key.substr(20)));
        if (!lease) continue;
        end_lease(
            *lease, planted_("expired_lease_ends_when_collected") ? now_ : lease->expires_at,
            planted_("expired_lease_reads_released") ? ReleaseReason::released : ReleaseReason::expired);
        unreported_.push_back(*lease);
        if (planted_("one_expired_lease_is_collected_at_a_time")) break;
    }
    forget_ended();
    if (tables_.find("meta/now") == nullptr ||
        *tables_.find("meta/now") != std::to_string(now_.time_since_epoch().count()))
        tables_.put("meta/now", std::to_string(now_.time_since_epoch().count()));
}

void RecordStore::forget_ended() {
    std::optional<std::size_t> count;  // of them all; counted only where it matters
    for (auto [entry, last] = tables_.range("ended/"); entry != last;) {
        const std::string key = entry->first;
        ++entry;
        const std::string id = key.substr(sizeof "ended/" - 1 + 20);
        const auto lease = lease_record(LeaseId::parse(id));
        const auto since = std::chrono::floor<Duration>(now_ - lease->released_at.value_or(now_));
        const Duration retention = planted_("retention_is_an_hour_more")
                                       ? options_.retention + std::chrono::hours(1)
                                       : options_.retention;
        const bool old =
            planted_("retention_is_one_millisecond_longer") ? since > retention : since >= retention;
        bool surplus = since >= least_retention || planted_("surplus_leases_go_at_once");
        if (surplus && !count) {
            const auto [first, end] = tables_.range("ended/");
            count = static_cast<std::size_t>(std::distance(first, end));
        }
        surplus = surplus && *count > options_.retained_leases && !planted_("ended_leases_are_not_bounded");
        if ((!old && !surplus) || planted_("ended_leases_are_never_forgotten")) break;
        tables_.erase(key);
        if (!planted_("forgotten_lease_keeps_its_id")) tables_.erase("lease/" + id);
        if (count) --*count;
    }
}

std::vector<Lease> RecordStore::take_unreported() {
    if (planted_("expiries_are_reported_again")) return unreported_;
    return std::exchange(unreported_, {});
}

void RecordStore::end_lease(Lease& lease, Timestamp at, ReleaseReason reason) {
    const std::string id = lease.id.to_string();
    tables_.erase("expires/" + in_order(lease.expires_at.time_since_epoch().count()) + "/" + id);
    tables_.erase("on/" + lease.proxy_id.to_string() + "/" + id);
    if (!planted_("index_of_consumers_keeps_ended_leases"))
        tables_.erase("by/" + lease.consumer_id.to_string() + "/" + id);
    lease.status = LeaseStatus::released;
    lease.released_at = at;
    lease.release_reason = reason;
    put(lease);
    tables_.put("ended/" + in_order(at.time_since_epoch().count()) + "/" + id, "");
    if (reason == ReleaseReason::revoked && planted_("revocation_keeps_the_counter")) return;
    if (reason == ReleaseReason::expired && planted_("expiry_keeps_the_counter")) return;
    update_counter(lease.proxy_id, -1);
    available_ = true;
}

void RecordStore::update_counter(ProxyId proxy, int by) {
    auto record = proxy_record(proxy);
    if (!record) return;
    record->proxy.current_leases += by;
    if (!planted_("end_of_a_lease_keeps_the_mark")) record->use_mark = next_mark();
    put(*record);
}

std::int64_t RecordStore::next_mark() {
    const std::string* const last = tables_.find("meta/mark");
    std::int64_t mark = last == nullptr ? 1 : std::stoll(*last) + 1;
    if (planted_("mark_is_the_time")) mark = now_.time_since_epoch().count();
    tables_.put("meta/mark", std::to_string(mark));
    return mark;
}

ReleaseResult RecordStore::end_by_request(LeaseId id, ReleaseReason reason) {
    auto lease = lease_record(id);
    if (!lease) return {};
    if (lease->status == LeaseStatus::released) {
        if (planted_("second_release_succeeds")) return {.released = true, .lease = lease};
        if (planted_("second_release_returns_no_lease")) return {};
        if (planted_("revocation_changes_ended_leases") && reason == ReleaseReason::revoked)
            lease->release_reason = reason;
        return {.released = false, .lease = lease};
    }
    end_lease(*lease, planted_("release_ends_at_expires_at") ? lease->expires_at : now_,
              planted_("revocation_reads_released") ? ReleaseReason::released : reason);
    return {.released = true, .lease = lease};
}

ReleaseResult RecordStore::release_lease(const ReleaseRequest& request) {
    return transact(
        [&]() -> ReleaseResult { return end_by_request(request.lease_id, ReleaseReason::released); });
}

std::vector<ReleaseResult> RecordStore::release_many(const std::vector<ReleaseRequest>& requests) {
    return transact([&] {
        std::vector<ReleaseResult> results;
        for (const ReleaseRequest& request : requests)
            results.push_back(end_by_request(request.lease_id, ReleaseReason::released));
        if (planted_("release_many_answers_by_id")) {
            std::ranges::sort(results, {},
                              [](const ReleaseResult& it) { return it.lease ? it.lease->id : LeaseId{}; });
        }
        if (planted_("release_many_leaves_out_the_unknown"))
            std::erase_if(results, [](const ReleaseResult& it) { return !it.lease; });
        return results;
    });
}

ReleaseResult RecordStore::revoke_lease(const RevokeRequest& request) {
    return transact([&] { return end_by_request(request.lease_id, ReleaseReason::revoked); });
}

CleanupResult RecordStore::cleanup_expired_leases(const CleanupRequest& request) {
    if (planted_("cleanup_looks_first_and_writes_later")) {
        std::vector<Lease> found;
        {
            const std::lock_guard lock(mutex_);
            for (const std::string& key : tables_.suffixes("expires/")) {
                if (key.substr(0, 19) <= in_order(options_.clock->now().time_since_epoch().count()))
                    found.push_back(*lease_record(LeaseId::parse(key.substr(20))));
            }
        }
        std::this_thread::sleep_for(
            std::chrono::milliseconds(1));  // long enough that another caller comes between
        CleanupResult result = transact([&] {
            unreported_.clear();
            return CleanupResult{.count = static_cast<std::int64_t>(found.size()), .leases = found};
        });
        for (Lease& lease : result.leases) {
            lease.status = LeaseStatus::released;
            lease.released_at = lease.expires_at;
            lease.release_reason = ReleaseReason::expired;
        }
        return result;
    }
    return transact([&] {
        CleanupResult result{.leases = take_unreported()};
        result.count = static_cast<std::int64_t>(result.leases.size());
        if (planted_("collected_leases_are_in_any_order")) std::ranges::sort(result.leases, {}, &Lease::id);
        if (planted_("collected_leases_read_active")) {
            for (Lease& lease : result.leases) lease.status = LeaseStatus::active;
        }
        if (planted_("cleanup_counts_what_it_returns") && !request.collect) result.count = 0;
        if (planted_("cleanup_never_collects")) result.leases.clear();
        return result;
    });
}

RenewResult RecordStore::renew_lease(const RenewRequest& request) {
    if (!planted_("renewals_are_not_validated")) validate_lease_duration(request.duration);
    return transact([&]() -> RenewResult {
        auto lease = lease_record(request.lease_id);
        if (!lease) return {};
        if (lease->status == LeaseStatus::released) return {.renewed = false, .lease = lease};
        const Lease before = *lease;
        if (lease->tenure_ends_at && lease->expires_at >= *lease->tenure_ends_at &&
            !planted_("renewal_at_the_tenure_says_yes"))
            return {.renewed = false, .lease = lease};
        const Duration duration = std::min(request.duration, 2 * max_lease_duration);  // no overflow
        const Timestamp asked =
            planted_("renewal_adds_to_the_end") ? lease->expires_at + duration : now_ + duration;
        lease->expires_at =
            planted_("renewal_shortens") ? asked : std::max<Timestamp>(lease->expires_at, asked);
        if (lease->tenure_ends_at && !planted_("renewal_passes_the_tenure"))
            lease->expires_at = std::min(lease->expires_at, *lease->tenure_ends_at);
        if (planted_("renewal_beyond_the_tenure_is_refused") &&
            lease->expires_at != std::max<Timestamp>(before.expires_at, asked))
            return {.renewed = false, .lease = before};
        if (planted_("renewal_moves_acquired_at")) lease->acquired_at = now_;
        if (planted_("renewal_draws_a_token")) ++lease->fencing_token;
        if (planted_("renewal_renews_the_mark")) update_counter(lease->proxy_id, 0);
        const std::string id = lease->id.to_string();
        if (!planted_("renewal_leaves_the_old_deadline"))
            tables_.erase("expires/" + in_order(before.expires_at.time_since_epoch().count()) + "/" + id);
        if (!planted_("renewal_sets_no_new_deadline"))
            tables_.put("expires/" + in_order(lease->expires_at.time_since_epoch().count()) + "/" + id, "");
        put(*lease);
        return {.renewed = true, .lease = planted_("renewal_returns_the_lease_before") ? before : *lease};
    });
}

std::optional<Lease> RecordStore::get_lease(const GetLeaseRequest& request) {
    return transact([&]() -> std::optional<Lease> {
        auto lease = lease_record(request.lease_id);
        if (planted_("get_lease_knows_active_ones_alone") && lease && lease->status == LeaseStatus::released)
            return std::nullopt;
        return lease;
    });
}

Page<Lease> RecordStore::list_leases(const ListLeasesRequest& request) {
    validate(request);
    return transact([&] {
        Page<Lease> page;
        const auto consumer = request.consumer.empty() ? std::nullopt : consumer_named(request.consumer);
        if (!request.consumer.empty() && !consumer) return page;
        for (auto [entry, last] = tables_.range("lease/"); entry != last; ++entry) {
            const Lease lease = codec_.lease(entry->second);
            if (!request.after.empty() && lease.id <= LeaseId::parse(request.after) &&
                !(planted_("page_of_leases_repeats_the_last") && lease.id == LeaseId::parse(request.after)))
                continue;
            std::string pool_name = lease.pool_name;
            if (planted_("leases_are_listed_by_the_pools_name_now")) pool_name = name_of(lease.pool_id);
            if (!request.pool.empty() && pool_name != request.pool) continue;
            if (consumer && lease.consumer_id != consumer->id) continue;
            if (request.proxy_id && lease.proxy_id != *request.proxy_id) continue;
            if (request.status && lease.status != *request.status) continue;
            if (planted_("only_active_leases_are_listed") && !request.status &&
                lease.status != LeaseStatus::active)
                continue;
            if (page.items.size() == request.limit) {
                if (!planted_("full_page_of_leases_is_the_last"))
                    page.next = page.items.back().id.to_string();
                break;
            }
            page.items.push_back(lease);
        }
        if (planted_("full_page_of_leases_has_a_next") && page.items.size() == request.limit)
            page.next = page.items.back().id.to_string();
        return page;
    });
}

// ---- Records and their keys

std::string RecordStore::pool_key(const std::string& name) const {
    if (planted_("pool_names_are_case_folded")) return "pool-name/" + folded(name);
    if (planted_("pool_names_lose_trailing_spaces")) return "pool-name/" + without_trailing_spaces(name);
    if (planted_("pool_names_are_composed")) return "pool-name/" + composed(name);
    if (planted_("pool_names_are_compared_to_64_bytes")) return "pool-name/" + name.substr(0, 64);
    return "pool-name/" + name;
}

std::string RecordStore::consumer_key(const std::string& name) const {
    if (planted_("consumer_names_are_case_folded")) return "consumer/" + folded(name);
    if (planted_("consumer_names_lose_trailing_spaces")) return "consumer/" + without_trailing_spaces(name);
    if (planted_("consumer_names_are_composed")) return "consumer/" + composed(name);
    if (planted_("consumer_names_are_compared_to_64_bytes")) return "consumer/" + name.substr(0, 64);
    return "consumer/" + name;
}

std::optional<ProxyPool> RecordStore::pool_named(const std::string& name) const {
    const std::string* const id = tables_.find(pool_key(name));
    return id == nullptr ? std::nullopt : std::optional(codec_.pool(*tables_.find("pool/" + *id)));
}

std::string RecordStore::name_of(PoolId id) const {
    const std::string* const text = tables_.find("pool/" + id.to_string());
    return text == nullptr ? "" : codec_.pool(*text).name;
}

std::optional<Consumer> RecordStore::consumer_named(const std::string& name) const {
    const std::string* const text = tables_.find(consumer_key(name));
    return text == nullptr ? std::nullopt : std::optional(codec_.consumer(*text));
}

std::optional<ProxyRecord> RecordStore::proxy_record(ProxyId id) const {
    const std::string* const text = tables_.find("proxy/" + id.to_string());
    return text == nullptr ? std::nullopt : std::optional(codec_.proxy(*text));
}

std::optional<Lease> RecordStore::lease_record(LeaseId id) const {
    const std::string* const text = tables_.find("lease/" + id.to_string());
    return text == nullptr ? std::nullopt : std::optional(codec_.lease(*text));
}

std::vector<ProxyRecord> RecordStore::members(PoolId pool) const {
    std::vector<ProxyRecord> found;
    for (const std::string& id : tables_.suffixes("member/" + pool.to_string() + "/")) {
        const std::string* const text = tables_.find("proxy/" + id);
        if (text == nullptr) continue;
        auto& [known_text, record] = decoded_[id];
        if (known_text != *text) {
            record = codec_.proxy(*text);
            known_text = *text;
        }
        found.push_back(record);
    }
    return found;
}

void RecordStore::put(const ProxyRecord& record) {
    tables_.put("proxy/" + record.proxy.id.to_string(), codec_.encode(record));
}
void RecordStore::put(const Lease& lease) {
    tables_.put("lease/" + lease.id.to_string(), codec_.encode(lease));
}

// ---- Consumers of the six, statistics, counters

ConsumerId RecordStore::ensure_consumer(const EnsureConsumerRequest& request) {
    validate(request);
    if (planted_("ensure_consumer_looks_first_and_writes_later")) {
        const auto found = transact([&] { return consumer_named(request.name); });
        if (found) return found->id;
        std::this_thread::sleep_for(
            std::chrono::milliseconds(1));  // long enough that another caller comes between
        return transact([&] {
            const Consumer consumer{.name = request.name};
            tables_.put(consumer_key(consumer.name), codec_.encode(consumer));
            return consumer.id;
        });
    }
    return transact([&] {
        if (const auto known = consumer_named(request.name)) return known->id;
        const Consumer consumer{.name = request.name};
        tables_.put(consumer_key(consumer.name), codec_.encode(consumer));
        tables_.put("consumer-id/" + consumer.id.to_string(), consumer.name);
        return consumer.id;
    });
}

PoolStats RecordStore::get_pool_stats(const PoolStatsRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    return transact([&]() -> PoolStats {
        const auto pool = pool_named(request.pool);
        if (!pool) {
            return planted_("statistics_of_an_unknown_pool_are_zero")
                       ? PoolStats(PoolStatsSnapshot{.pool_name = request.pool})
                       : std::nullopt;
        }
        PoolStatsSnapshot stats{.pool_name = pool->name,
                                .collected_at = planted_("statistics_have_no_time") ? Timestamp{} : now_};
        for (const ProxyRecord& record : members(pool->id)) {
            const Proxy& proxy = record.proxy;
            const bool active = proxy.status == ProxyStatus::active;
            stats.total_proxies += 1;
            stats.active_proxies += active || (planted_("statistics_count_slow_ones_as_active") &&
                                               proxy.status == ProxyStatus::slow)
                                        ? 1
                                        : 0;
            const bool below_limit = planted_("statistics_count_only_idle_ones_as_available")
                                         ? proxy.current_leases == 0
                                         : !is_full(proxy);
            stats.available_proxies +=
                (active || planted_("statistics_count_inactive_ones_as_available")) && below_limit ? 1 : 0;
            if (planted_("statistics_forget_leases_of_inactive_ones") && !active) continue;
            const bool by_leases = planted_("statistics_count_leases_as_proxies");
            stats.leased_proxies +=
                by_leases ? proxy.current_leases : static_cast<int>(proxy.current_leases > 0);
            stats.total_leases += proxy.current_leases;
        }
        return stats;
    });
}

AuditResult RecordStore::compare_counters(bool set_right) {
    return transact([&] {
        AuditResult result;
        for (auto [entry, last] = tables_.range("proxy/"); entry != last; ++entry) {
            ProxyRecord record = codec_.proxy(entry->second);
            const auto active =
                static_cast<std::int64_t>(tables_.suffixes("on/" + record.proxy.id.to_string() + "/").size());
            result.proxies += 1;
            result.leases += active;
            const int counter = record.proxy.current_leases;
            if (counter == active || (planted_("audit_sees_only_too_many") && counter < active) ||
                (planted_("audit_sees_only_proxies_with_leases") && active == 0))
                continue;
            result.mismatches.push_back({.proxy_id = record.proxy.id,
                                         .pool = name_of(record.proxy.pool_id),
                                         .counter = counter,
                                         .active_leases = active});
            record.proxy.current_leases = static_cast<int>(active);
            if (set_right ? !planted_("repair_changes_nothing") : planted_("audit_repairs")) put(record);
        }
        return result;
    });
}

void RecordStore::break_counter(ProxyId proxy, int counter) {
    transact([&] {
        auto record = proxy_record(proxy).value();
        record.proxy.current_leases = counter;
        put(record);
        return true;
    });
}

}  // namespace pharox::testkit::independent
