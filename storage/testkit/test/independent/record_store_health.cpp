// The health log of a RecordStore.
#include <algorithm>

#include "independent/record_store.hpp"
#include "pharox/errors.hpp"

namespace pharox::testkit::independent {

std::optional<Proxy> RecordStore::apply_health_check_result(const HealthCheckResult& result) {
    HealthCheckResult checked = planted_("results_are_not_validated") ? result : validated(result);
    return transact([&]() -> std::optional<Proxy> {
        auto record = proxy_record(checked.proxy_id);
        if (!record) return std::nullopt;
        if (!planted_("results_may_be_of_the_future"))
            checked.checked_at = std::min(checked.checked_at, now_);
        if (planted_("results_of_the_future_are_ignored") && result.checked_at > now_) return record->proxy;
        const std::string key = "last-check/" + checked.proxy_id.to_string();
        const std::string* const last = tables_.find(key);
        if (last != nullptr) {
            const Timestamp before = codec_.result(*last).checked_at;
            const bool older = planted_("results_of_the_same_time_are_ignored") ? checked.checked_at <= before
                                                                                : checked.checked_at < before;
            if (older && !planted_("older_results_count")) return record->proxy;
        }
        Proxy& proxy = record->proxy;
        if (last == nullptr && planted_("results_older_than_the_proxy_are_ignored") &&
            checked.checked_at < proxy.checked_at)
            return proxy;
        if (proxy.status != ProxyStatus::banned || planted_("checks_lift_a_ban")) {
            proxy.status = checked.status;
        } else if (planted_("checks_of_banned_ones_are_ignored")) {
            return proxy;
        }
        if (!planted_("checks_leave_checked_at")) proxy.checked_at = checked.checked_at;
        const bool reachable =
            checked.status == ProxyStatus::active ||
            (checked.status == ProxyStatus::slow && !planted_("slow_checks_leave_the_latency")) ||
            planted_("failed_checks_set_the_latency");
        if (reachable && checked.latency_ms) proxy.latency_ms = checked.latency_ms;
        if (planted_("failed_checks_clear_the_latency") && !reachable) proxy.latency_ms.reset();
        if (planted_("checks_without_a_latency_clear_it") && reachable && !checked.latency_ms)
            proxy.latency_ms.reset();
        if (planted_("checks_renew_the_mark")) record->use_mark = next_mark();
        put(*record);
        if (planted_("last_result_keeps_the_banned_status")) checked.status = proxy.status;
        tables_.put(key, codec_.encode(checked));
        available_ = true;
        return proxy;
    });
}

std::optional<HealthCheckResult> RecordStore::get_last_health_result(ProxyId proxy) {
    return transact([&]() -> std::optional<HealthCheckResult> {
        const std::string* const last = tables_.find("last-check/" + proxy.to_string());
        return last == nullptr ? std::nullopt : std::optional(codec_.result(*last));
    });
}

void RecordStore::save_health_record(const ProxyHealthRecord& record) {
    const ProxyHealthRecord checked = validated(record);
    transact([&] {
        if (!proxy_record(checked.proxy_id)) throw ProxyNotFoundError(checked.proxy_id);
        const std::string id = checked.id.to_string();
        if (tables_.find("check-id/" + id) != nullptr) throw ConflictError("id", id, "is taken");
        tables_.put("check/" + checked.proxy_id.to_string() + "/" +
                        in_order(planted_("records_are_ordered_by_arrival")
                                     ? next_mark()
                                     : checked.checked_at.time_since_epoch().count()) +
                        "/" + id,
                    codec_.encode(checked));
        if (!planted_("record_ids_are_not_unique")) tables_.put("check-id/" + id, "");
        if (planted_("records_apply_to_the_proxy")) {
            ProxyRecord changed = *proxy_record(checked.proxy_id);
            changed.proxy.status = checked.status_after;
            put(changed);
        }
        forget_checks(checked.proxy_id);
        return true;
    });
}

void RecordStore::forget_checks(ProxyId proxy) {
    const std::string prefix = "check/" + proxy.to_string() + "/";
    std::vector<std::string> oldest_first = tables_.suffixes(prefix);
    if (planted_("newest_records_are_forgotten")) std::ranges::reverse(oldest_first);
    std::size_t count = oldest_first.size();
    for (const std::string& key : oldest_first) {
        const auto since =
            std::chrono::floor<Duration>(now_ - codec_.record(*tables_.find(prefix + key)).checked_at);
        const bool old = planted_("old_records_stay_one_millisecond_longer")
                             ? since > options_.health_retention
                             : since >= options_.health_retention;
        const bool surplus =
            count > options_.health_records + (planted_("one_record_too_many_is_kept") ? 1 : 0);
        if (!(surplus && !planted_("records_are_not_bounded")) && !(old && !planted_("old_records_are_kept")))
            break;
        tables_.erase(prefix + key);
        tables_.erase("check-id/" + key.substr(20));
        --count;
    }
}

std::vector<ProxyHealthRecord> RecordStore::list_health_records(const ListHealthRecordsRequest& request) {
    validate(request);
    return transact([&] {
        if (!planted_("listing_shows_old_records")) forget_checks(request.proxy_id);
        std::vector<ProxyHealthRecord> found;
        for (auto [entry, last] = tables_.range("check/" + request.proxy_id.to_string() + "/"); entry != last;
             ++entry)
            found.push_back(codec_.record(entry->second));
        if (planted_("records_come_oldest_first_in_a_page") && found.size() > request.limit)
            found.resize(request.limit);
        if (!planted_("records_come_oldest_first")) std::ranges::reverse(found);
        if (found.size() > request.limit) found.resize(request.limit);
        return found;
    });
}

}  // namespace pharox::testkit::independent
