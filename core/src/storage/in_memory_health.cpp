// The health log and the audit of an InMemoryStorage.
#include <algorithm>
#include <functional>

#include "pharox/errors.hpp"
#include "pharox/rules/health.hpp"
#include "pharox/rules/retention.hpp"
#include "storage/in_memory_state.hpp"

namespace pharox {

std::optional<Proxy> InMemoryState::apply_health_check_result(const HealthCheckResult& result) {
    HealthCheckResult checked = validated(result);
    const std::lock_guard lock(mutex_);
    checked.checked_at = std::min(checked.checked_at, advance());
    const auto found = proxies_.find(checked.proxy_id);
    if (found == proxies_.end()) return std::nullopt;
    StoredProxy& stored = found->second;
    const auto last = stored.last_health ? std::optional(stored.last_health->checked_at) : std::nullopt;
    if (!rules::apply_health(stored.proxy, checked, last)) return stored.proxy;
    stored.last_health = std::move(checked);
    on_available_({});
    return stored.proxy;
}

std::optional<HealthCheckResult> InMemoryState::get_last_health_result(ProxyId proxy) {
    const std::lock_guard lock(mutex_);
    const auto found = proxies_.find(proxy);
    return found == proxies_.end() ? std::nullopt : found->second.last_health;
}

void InMemoryState::save_health_record(const ProxyHealthRecord& record) {
    ProxyHealthRecord checked = validated(record);
    const std::lock_guard lock(mutex_);
    const Timestamp now = advance();
    const auto found = proxies_.find(checked.proxy_id);
    if (found == proxies_.end()) throw ProxyNotFoundError(checked.proxy_id);
    for (const auto& [id, stored] : proxies_) {
        const bool taken =
            std::any_of(stored.health_records.begin(), stored.health_records.end(),
                        [&](const ProxyHealthRecord& other) { return other.id == checked.id; });
        if (taken) throw ConflictError("id", checked.id.to_string(), "is the id of another record");
    }
    auto& records = found->second.health_records;
    const auto place = [](const ProxyHealthRecord& it) { return std::pair(it.checked_at, it.id); };
    records.insert(std::ranges::upper_bound(records, place(checked), std::ranges::greater(), place), checked);
    forget_records(found->second, now);
}

void InMemoryState::forget_records(StoredProxy& stored, Timestamp now) const {
    auto& records = stored.health_records;
    const Timestamp forgotten = rules::forgotten_until(now, options_.health_retention);
    while (!records.empty() &&
           (records.size() > options_.health_records_per_proxy || records.back().checked_at <= forgotten)) {
        records.pop_back();
    }
}

std::vector<ProxyHealthRecord> InMemoryState::list_health_records(const ListHealthRecordsRequest& request) {
    validate(request);
    const std::lock_guard lock(mutex_);
    const Timestamp now = advance();
    const auto found = proxies_.find(request.proxy_id);
    if (found == proxies_.end()) return {};
    forget_records(found->second, now);
    const auto& records = found->second.health_records;
    return {records.begin(),
            records.begin() + static_cast<std::ptrdiff_t>(std::min(request.limit, records.size()))};
}

AuditResult InMemoryState::audit() { return compare_counters(false); }
AuditResult InMemoryState::repair() { return compare_counters(true); }

AuditResult InMemoryState::compare_counters(bool set_right) {
    const std::lock_guard lock(mutex_);
    advance();
    std::map<ProxyId, int> active;
    for (const auto& [deadline, id] : deadlines_) ++active[leases_.at(id).proxy_id];
    AuditResult result{.proxies = static_cast<std::int64_t>(proxies_.size()),
                       .leases = static_cast<std::int64_t>(deadlines_.size())};
    for (auto& [id, stored] : proxies_) {
        if (stored.proxy.current_leases == active[id]) continue;
        result.mismatches.push_back({.proxy_id = id,
                                     .pool = pools_.at(stored.proxy.pool_id).name,
                                     .counter = stored.proxy.current_leases,
                                     .active_leases = active[id]});
        if (set_right) stored.proxy.current_leases = active[id];
    }
    return result;
}

}  // namespace pharox
