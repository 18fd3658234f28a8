// The catalog of a RecordStore.
#include <algorithm>

#include "independent/filter.hpp"
#include "independent/record_store.hpp"
#include "pharox/errors.hpp"

namespace pharox::testkit::independent {

namespace {

/// A page of `prefix`'s keys in order; `read` makes an item of a key's suffix and its value.
template <class Item>
Page<Item> page_of(const Tables& tables, const std::string& prefix, const ListRequest& request,
                   const Planted& planted, const std::function<Item(const std::string& value)>& read) {
    Page<Item> page;
    for (auto [entry, last] = tables.range(prefix); entry != last; ++entry) {
        const std::string name = entry->first.substr(prefix.size());
        if (!request.after.empty() &&
            (planted("page_of_names_repeats_the_last") ? name < request.after : name <= request.after))
            continue;
        if (page.items.size() == request.limit) {
            page.next = page.items.back().name;
            if (planted("page_of_names_skips_one")) page.next = name;
            if (planted("page_ends_without_a_next")) page.next.clear();
            break;
        }
        page.items.push_back(read(entry->second));
    }
    return page;
}

}  // namespace

// ---- Pools

ProxyPool RecordStore::add_pool(const ProxyPool& pool) {
    ProxyPool checked = planted_("pools_are_not_validated") ? pool : validated(pool);
    return transact([&] {
        if (tables_.find(pool_key(checked.name)) != nullptr)
            throw ConflictError("name", planted_("conflicts_hide_the_value") ? "" : checked.name, "is taken");
        if (tables_.find("pool/" + checked.id.to_string()) != nullptr && !planted_("pool_id_is_overwritten"))
            throw ConflictError("id", checked.id.to_string(), "is taken");
        tables_.put("pool/" + checked.id.to_string(), codec_.encode(checked));
        tables_.put(pool_key(checked.name), checked.id.to_string());
        return checked;
    });
}

ProxyPool RecordStore::update_pool(const ProxyPool& pool) {
    ProxyPool checked = validated(pool);
    return transact([&] {
        const std::string* const stored = tables_.find("pool/" + checked.id.to_string());
        if (stored == nullptr) throw PoolNotFoundError(checked.id.to_string());
        const std::string* const holder = tables_.find(pool_key(checked.name));
        if (holder != nullptr && *holder != checked.id.to_string() && !planted_("renaming_takes_a_name"))
            throw ConflictError("name", checked.name, "is taken");
        ProxyPool changed = checked;
        if (planted_("pool_update_keeps_the_description") && !changed.description)
            changed.description = codec_.pool(*stored).description;
        if (planted_("pool_update_keeps_the_metadata")) changed.metadata = codec_.pool(*stored).metadata;
        if (!planted_("renamed_pool_keeps_its_old_name")) tables_.erase(pool_key(codec_.pool(*stored).name));
        tables_.put(pool_key(changed.name), changed.id.to_string());
        tables_.put("pool/" + changed.id.to_string(), codec_.encode(changed));
        if (planted_("renaming_renames_the_pool_of_leases")) {
            for (const std::string& id : tables_.suffixes("lease/")) {
                Lease lease = *lease_record(LeaseId::parse(id));
                if (lease.pool_id == changed.id) lease.pool_name = changed.name;
                put(lease);
            }
        }
        return changed;
    });
}

std::optional<ProxyPool> RecordStore::get_pool(const std::string& name) {
    return transact([&] { return pool_named(name); });
}

Page<ProxyPool> RecordStore::list_pools(const ListRequest& request) {
    ListRequest asked = request;
    if (planted_("limits_of_pages_are_repaired"))
        asked.limit = std::clamp<std::size_t>(asked.limit, 1, 10'000);
    validate(asked);
    return transact([&] {
        return page_of<ProxyPool>(tables_, "pool-name/", asked, planted_, [&](const std::string& id) {
            return codec_.pool(*tables_.find("pool/" + id));
        });
    });
}

RemoveResult RecordStore::remove_pool(const std::string& name, bool force) {
    return transact([&]() -> RemoveResult {
        const auto pool = pool_named(name);
        if (!pool) return {};
        std::vector<std::string> active;
        const std::vector<ProxyRecord> proxies = members(pool->id);
        for (const ProxyRecord& record : proxies) {
            for (std::string& id : tables_.suffixes("on/" + record.proxy.id.to_string() + "/"))
                active.push_back(std::move(id));
        }
        if (!active.empty() && !force && !planted_("removing_a_pool_is_always_forced"))
            throw ConflictError("pool", name, "has active leases");
        RemoveResult result{
            .removed = true,
            .revoked_leases = planted_("removing_a_pool_leaves_leases_active") ? 0 : revoke(active)};
        if (planted_("removing_a_pool_counts_proxies")) result.revoked_leases = std::ssize(proxies);
        if (!planted_("removing_a_pool_leaves_proxies")) {
            for (const ProxyRecord& record : proxies) erase(record.proxy);
        }
        tables_.erase("pool/" + pool->id.to_string());
        tables_.erase(pool_key(pool->name));
        return result;
    });
}

std::int64_t RecordStore::revoke(const std::vector<std::string>& leases) {
    for (const std::string& id : leases) {
        Lease lease = *lease_record(LeaseId::parse(id));
        if (lease.status == LeaseStatus::released) continue;
        end_lease(
            lease, now_,
            planted_("forced_removal_reads_released") ? ReleaseReason::released : ReleaseReason::revoked);
    }
    return planted_("forced_removal_counts_nothing") ? 0 : std::ssize(leases);
}

// ---- Proxies

void RecordStore::require_pool(PoolId id) const {
    if (tables_.find("pool/" + id.to_string()) == nullptr) throw PoolNotFoundError(id.to_string());
}

std::optional<ProxyId> RecordStore::duplicate_of(const Proxy& proxy) const {
    const std::string* const holder =
        tables_.find("identity/" + proxy.pool_id.to_string() + "/" +
                     (planted_("identity_is_host_and_port") ? proxy.host + ":" + std::to_string(proxy.port)
                                                            : proxy.identity()));
    if (holder != nullptr && !planted_("identity_is_not_unique")) return ProxyId::parse(*holder);
    return tables_.find("proxy/" + proxy.id.to_string()) != nullptr ? std::optional(proxy.id) : std::nullopt;
}

Proxy RecordStore::insert(const Proxy& proxy) {
    ProxyRecord record{.proxy = proxy};
    if (planted_("insert_keeps_the_given_counter")) record.proxy.current_leases = 1;
    if (planted_("unused_proxies_have_the_newest_mark")) record.use_mark = next_mark();
    put(record);
    tables_.put("member/" + proxy.pool_id.to_string() + "/" + proxy.id.to_string(), "");
    tables_.put("identity/" + proxy.pool_id.to_string() + "/" +
                    (planted_("identity_is_host_and_port") ? proxy.host + ":" + std::to_string(proxy.port)
                                                           : proxy.identity()),
                proxy.id.to_string());
    available_ = true;
    return record.proxy;
}

Proxy RecordStore::replace(const ProxyRecord& before, Proxy proxy) {
    ProxyRecord record = before;
    const std::string id = proxy.id.to_string();
    if (!planted_("update_leaves_the_old_identity"))
        tables_.erase("identity/" + before.proxy.pool_id.to_string() + "/" + before.proxy.identity());
    if (!planted_("update_leaves_the_old_pool"))
        tables_.erase("member/" + before.proxy.pool_id.to_string() + "/" + id);
    proxy.current_leases = planted_("update_clears_the_counter") ? 0 : before.proxy.current_leases;
    if (planted_("update_keeps_absent_attributes") && !proxy.country) proxy.country = before.proxy.country;
    if (planted_("update_keeps_the_latency")) proxy.latency_ms = before.proxy.latency_ms;
    if (planted_("update_keeps_the_checked_time"))
        proxy.checked_at = std::max(proxy.checked_at, before.proxy.checked_at);
    if (planted_("update_merges_the_tags"))
        proxy.tags.insert(before.proxy.tags.begin(), before.proxy.tags.end());
    if (planted_("update_keeps_the_limit") && !proxy.max_concurrency)
        proxy.max_concurrency = before.proxy.max_concurrency;
    if (planted_("update_keeps_the_credentials") && !proxy.credentials)
        proxy.credentials = before.proxy.credentials;
    record.proxy = std::move(proxy);
    const bool moves = record.proxy.pool_id != before.proxy.pool_id;
    if (planted_("token_is_lost_when_a_proxy_moves") && moves) record.token = 0;
    if (planted_("token_is_lost_on_update")) record.token = 0;
    if (planted_("mark_is_lost_on_update")) record.use_mark = 0;
    if (planted_("mark_is_lost_when_a_proxy_moves") && moves) record.use_mark = 0;
    if (planted_("counter_is_lost_when_a_proxy_moves") && moves) record.proxy.current_leases = 0;
    if (planted_("checks_are_lost_when_a_proxy_moves") && moves) tables_.erase("last-check/" + id);
    if (planted_("checks_are_lost_on_update")) tables_.erase("last-check/" + id);
    if (planted_("leases_follow_a_proxy_that_moves") && moves) {
        for (const std::string& lease_id : tables_.suffixes("on/" + id + "/")) {
            Lease lease = *lease_record(LeaseId::parse(lease_id));
            lease.pool_id = record.proxy.pool_id;
            put(lease);
        }
    }
    put(record);
    tables_.put("member/" + record.proxy.pool_id.to_string() + "/" + id, "");
    tables_.put("identity/" + record.proxy.pool_id.to_string() + "/" + record.proxy.identity(), id);
    available_ = true;
    return record.proxy;
}

void RecordStore::erase(const Proxy& proxy) {
    const std::string id = proxy.id.to_string();
    if (!planted_("removed_proxy_keeps_its_identity"))
        tables_.erase("identity/" + proxy.pool_id.to_string() + "/" + proxy.identity());
    tables_.erase("member/" + proxy.pool_id.to_string() + "/" + id);
    tables_.erase("proxy/" + id);
    if (!planted_("removed_proxy_keeps_its_last_check")) tables_.erase("last-check/" + id);
    if (planted_("removed_proxy_keeps_its_records")) return;
    for (const std::string& key : tables_.suffixes("check/" + id + "/")) {
        if (!planted_("removed_proxy_keeps_its_record_ids")) tables_.erase("check-id/" + key.substr(20));
        tables_.erase(std::string("check/").append(id).append("/").append(key));
    }
}

Proxy RecordStore::add_proxy(const Proxy& proxy) {
    Proxy checked = planted_("proxies_are_not_validated") ? proxy : validated(proxy);
    return transact([&] {
        if (!planted_("pool_of_a_new_proxy_is_not_checked")) require_pool(checked.pool_id);
        if (const auto holder = duplicate_of(checked)) {
            if (*holder == checked.id) throw ConflictError("id", checked.id.to_string(), "is taken");
            throw ConflictError(
                "proxy",
                planted_("conflicts_show_the_password") ? checked.identity() : checked.redacted_url(),
                "is in its pool already");
        }
        return insert(checked);
    });
}

AddProxiesResult RecordStore::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> checked;
    for (const Proxy& proxy : request.proxies) checked.push_back(validated(proxy));
    if (planted_("bulk_adds_1000_at_most") && checked.size() > 1'000) checked.resize(1'000);
    if (planted_("bulk_is_one_transaction_for_each")) {
        AddProxiesResult result;
        if (request.on_duplicate == DuplicatePolicy::reject) {
            for (const Proxy& proxy : checked) {
                add_proxy(proxy);
                ++result.added;
            }
            return result;
        }
    }
    return transact([&] {
        AddProxiesResult result;
        for (Proxy& proxy : checked) {
            require_pool(proxy.pool_id);
            const auto holder = duplicate_of(proxy);
            if (!holder) {
                insert(proxy);
                ++result.added;
            } else if (request.on_duplicate == DuplicatePolicy::update) {
                if (planted_("bulk_update_takes_the_new_id") && proxy.id != *holder) {
                    erase(proxy_record(*holder)->proxy);
                    insert(proxy);
                    ++result.updated;
                    continue;
                }
                proxy.id = *holder;
                replace(*proxy_record(*holder), proxy);
                ++(planted_("bulk_update_counts_added") ? result.added : result.updated);
            } else if (request.on_duplicate == DuplicatePolicy::skip) {
                if (planted_("bulk_skip_updates")) {
                    proxy.id = *holder;
                    replace(*proxy_record(*holder), proxy);
                }
                result.skipped += planted_("bulk_skip_counts_nothing") ? 0 : 1;
            } else if (*holder == proxy.id) {
                throw ConflictError("id", proxy.id.to_string(), "is taken");
            } else {
                throw ConflictError("proxy", proxy.redacted_url(), "is in its pool already");
            }
        }
        return result;
    });
}

Proxy RecordStore::update_proxy(const Proxy& proxy) {
    Proxy checked = validated(proxy);
    return transact([&] {
        const auto before = proxy_record(checked.id);
        if (!before && planted_("update_inserts_the_unknown")) return insert(checked);
        if (!before) throw ProxyNotFoundError(checked.id);
        if (!planted_("pool_of_a_moved_proxy_is_not_checked")) require_pool(checked.pool_id);
        const auto holder = duplicate_of(checked);
        if (holder && *holder != checked.id && !planted_("update_takes_an_identity") &&
            !(planted_("move_takes_an_identity") && before->proxy.pool_id != checked.pool_id))
            throw ConflictError("proxy", checked.redacted_url(), "is in its pool already");
        return replace(*before, checked);
    });
}

std::optional<Proxy> RecordStore::get_proxy(ProxyId id) {
    return transact([&]() -> std::optional<Proxy> {
        auto record = proxy_record(id);
        if (!record) return std::nullopt;
        if (planted_("get_proxy_shows_no_counter")) record->proxy.current_leases = 0;
        return record->proxy;
    });
}

Page<Proxy> RecordStore::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    const auto found = transact([&] {
        const auto pool = pool_named(request.pool);
        return pool ? members(pool->id) : std::vector<ProxyRecord>();
    });
    Page<Proxy> page;
    std::size_t seen = 0;
    for (const auto& [proxy, mark, token] : found) {  // predicates run here, without the lock
        if (!request.after.empty() && proxy.id <= ProxyId::parse(request.after)) continue;
        if (planted_("page_counts_what_does_not_fit") && ++seen > request.limit) {
            page.next = page.items.empty() ? "" : page.items.back().id.to_string();
            break;
        }
        if (request.status && proxy.status != *request.status && !planted_("list_ignores_the_status"))
            continue;
        if (fit(request.filters, proxy, true, planted_) == Fit::no && !planted_("list_ignores_the_filters"))
            continue;
        if (planted_("list_leaves_out_full_ones") && is_full(proxy)) continue;
        if (page.items.size() == request.limit) {
            page.next = planted_("page_of_proxies_skips_one") ? proxy.id.to_string()
                                                              : page.items.back().id.to_string();
            break;
        }
        page.items.push_back(proxy);
    }
    if (planted_("full_page_of_proxies_has_a_next") && page.items.size() == request.limit)
        page.next = page.items.back().id.to_string();
    return page;
}

RemoveResult RecordStore::remove_proxy(ProxyId id, bool force) {
    return transact([&]() -> RemoveResult {
        const auto record = proxy_record(id);
        if (!record) {
            if (planted_("removing_nothing_throws")) throw ProxyNotFoundError(id);
            return {};
        }
        const auto active = tables_.suffixes("on/" + id.to_string() + "/");
        if (!active.empty() && !force && !planted_("removing_a_proxy_is_always_forced"))
            throw ConflictError("proxy_id", id.to_string(), "has active leases");
        const std::int64_t revoked = planted_("removing_a_proxy_leaves_leases_active") ? 0 : revoke(active);
        if (planted_("removing_a_proxy_removes_its_leases")) {
            for (const std::string& lease : tables_.suffixes("lease/")) {
                if (lease_record(LeaseId::parse(lease)).value().proxy_id == id)
                    tables_.erase("lease/" + lease);
            }
            for (const std::string& ended : tables_.suffixes("ended/")) {
                if (!lease_record(LeaseId::parse(ended.substr(ended.find('/') + 1))))
                    tables_.erase("ended/" + ended);
            }
        }
        erase(record->proxy);
        return {.removed = true, .revoked_leases = revoked};
    });
}

// ---- Consumers

Consumer RecordStore::add_consumer(const Consumer& consumer) {
    Consumer checked = validated(consumer);
    return transact([&] {
        if (tables_.find(consumer_key(checked.name)) != nullptr)
            throw ConflictError("name", checked.name, "is taken");
        if (tables_.find("consumer-id/" + checked.id.to_string()) != nullptr &&
            !planted_("consumer_id_is_not_unique"))
            throw ConflictError("id", checked.id.to_string(), "is taken");
        tables_.put(consumer_key(checked.name), codec_.encode(checked));
        tables_.put("consumer-id/" + checked.id.to_string(), checked.name);
        return checked;
    });
}

std::optional<Consumer> RecordStore::get_consumer(const std::string& name) {
    return transact([&] { return consumer_named(name); });
}

Page<Consumer> RecordStore::list_consumers(const ListRequest& request) {
    validate(request);
    return transact([&] {
        return page_of<Consumer>(tables_, "consumer/", request, planted_,
                                 [&](const std::string& text) { return codec_.consumer(text); });
    });
}

RemoveResult RecordStore::remove_consumer(const std::string& name, bool force) {
    return transact([&]() -> RemoveResult {
        const auto consumer = consumer_named(name);
        if (!consumer) return {};
        const auto active = tables_.suffixes("by/" + consumer->id.to_string() + "/");
        if (!active.empty() && !force && !planted_("removing_a_consumer_is_always_forced"))
            throw ConflictError("consumer", name, "has active leases");
        const std::int64_t revoked =
            planted_("removing_a_consumer_leaves_leases_active") ? 0 : revoke(active);
        tables_.erase(consumer_key(name));
        if (!planted_("removed_consumer_keeps_its_id"))
            tables_.erase("consumer-id/" + consumer->id.to_string());
        return {.removed = true, .revoked_leases = revoked};
    });
}

}  // namespace pharox::testkit::independent
