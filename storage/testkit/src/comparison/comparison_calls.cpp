// The calls of a comparison that pick nothing.
#include <algorithm>

#include "comparison/comparison.hpp"

namespace pharox::testkit {

// ---- Leases

void Comparison::create_lease() {
    cleanup();
    CreateLeaseRequest request{
        .proxy_id = known_proxy(),
        .consumer = consumer(),
        .duration = dice_.duration(),
        .lease_id = context_.properties().replays && dice_.one_in(5) ? known_lease() : dice_.id<LeaseId>(),
        .metadata = Json::object({{"n", static_cast<int>(dice_.below(9))}}),
        .allow_slow = dice_.one_in(5)};
    if (dice_.one_in(6)) {
        request.max_tenure = request.duration + Duration(dice_.below(30'000));
    }
    count("create_lease");
    both("create_lease " + request.lease_id.to_string() + " on " + request.proxy_id.to_string(),
         [&](IStorage& store) {
             const auto leased = store.create_lease(request);
             remember(leased.lease());
             return text_of(leased.lease()) + text_of(leased.proxy());
         });
}

void Comparison::release() {
    cleanup();
    const ReleaseRequest request{.lease_id = known_lease(), .pool = dice_.one_in(2) ? "" : pool()};
    count("release");
    both("release " + request.lease_id.to_string(),
         [&](IStorage& store) { return text_of(store.release_lease(request)); });
}

void Comparison::release_many() {
    cleanup();
    std::vector<ReleaseRequest> requests(dice_.below(5));
    for (auto& request : requests) {
        request.lease_id = known_lease();
    }
    count("release_many");
    both("release " + std::to_string(requests.size()),
         [&](IStorage& store) { return text_of(store.release_many(requests)); });
}

void Comparison::renew() {
    cleanup();
    const RenewRequest request{.lease_id = known_lease(), .duration = dice_.duration()};
    count("renew");
    both("renew " + request.lease_id.to_string() + " for " + std::to_string(request.duration.count()) + " ms",
         [&](IStorage& store) {
             const auto result = store.lease_control()->renew_lease(request);
             return (result.renewed ? "renewed " : "not renewed ") + text_of(result.lease);
         });
}

void Comparison::revoke() {
    cleanup();
    const RevokeRequest request{.lease_id = known_lease()};
    count("revoke");
    both("revoke " + request.lease_id.to_string(),
         [&](IStorage& store) { return text_of(store.lease_control()->revoke_lease(request)); });
}

void Comparison::ensure_consumer() {
    const auto name = dice_.of<std::string>({"one", "two", "three"});
    count("ensure_consumer");
    both("ensure_consumer " + name,
         [&](IStorage& store) { return store.ensure_consumer({.name = name}).to_string(); });
}

// ---- What is read before expired leases are collected

void Comparison::statistics() {
    const auto name = pool();
    count("statistics");
    both("statistics of " + name,
         [&](IStorage& store) { return text_of(store.get_pool_stats({.pool = name})); });
}

void Comparison::get_lease() {
    const auto id = known_lease();
    count("get_lease");
    both("get_lease " + id.to_string(),
         [&](IStorage& store) { return text_of(store.lease_control()->get_lease({.lease_id = id})); });
}

void Comparison::list_leases() {
    ListLeasesRequest request{.consumer = dice_.one_in(3) ? consumer() : ""};
    if (dice_.one_in(2)) {
        request.proxy_id = known_proxy();
    } else {
        request.status = LeaseStatus::active;
        request.limit = 1 + dice_.below(6);
        request.pool = dice_.one_in(2) ? pool() : "";
        request.after = dice_.one_in(2) ? known_lease().to_string() : "";
    }
    if (request.proxy_id) {
        request.limit = 10'000;
    }
    count("list_leases");
    const auto oldest = context_.clock().now() - remembered;
    both("list_leases", [&](IStorage& store) {
        auto page = store.lease_control()->list_leases(request);
        std::erase_if(page.items,
                      [&](const Lease& it) { return it.released_at && *it.released_at < oldest; });
        return text_of(page.items) + (page.next.empty() ? "" : " and more");
    });
}

void Comparison::list_proxies() {
    ListProxiesRequest request{.pool = pool(), .filters = dice_.filters(), .limit = 1 + dice_.below(20)};
    if (dice_.one_in(3)) {
        request.status = ProxyStatus::active;
    }
    if (dice_.one_in(3)) {
        request.after = known_proxy().to_string();
    }
    for (const auto& kind : kinds_in(request.filters)) {
        count(kind);
    }
    count("list_proxies");
    both("list of " + request.pool, [&](IStorage& store) {
        const auto page = store.catalog()->list_proxies(request);
        return text_of(page.items) + (page.next.empty() ? "" : " and more");
    });
}

void Comparison::audit() {
    const bool repair = dice_.one_in(2);
    count("audit");
    both(repair ? "repair" : "audit", [&](IStorage& store) {
        store.maintenance()->ping();
        return text_of(repair ? store.maintenance()->repair() : store.maintenance()->audit());
    });
}

// ---- Health

void Comparison::apply_health() {
    cleanup();
    const auto result = dice_.check(known_proxy(), context_.clock().now());
    count("apply_health");
    both("check of " + result.proxy_id.to_string(),
         [&](IStorage& store) { return text_of(store.health_log()->apply_health_check_result(result)); });
}

void Comparison::save_record() {
    auto record = dice_.record(known_proxy(), context_.clock().now());
    if (!records_.empty() && dice_.one_in(10)) {
        record.id = dice_.of(records_).first;
    }
    count("save_record");
    both("record of " + record.proxy_id.to_string(), [&](IStorage& store) {
        store.health_log()->save_health_record(record);
        return std::string("saved");
    });
    records_.emplace_back(record.id, record.checked_at);
}

void Comparison::read_health() {
    const auto id = known_proxy();
    const auto limit = 1 + dice_.below(5);
    count("read_health");
    both("health of " + id.to_string(), [&](IStorage& store) {
        return text_of(store.health_log()->get_last_health_result(id)) +
               text_of(store.health_log()->list_health_records({.proxy_id = id, .limit = limit}));
    });
}

// ---- The catalog

void Comparison::add_proxy() {
    Proxy proxy = context_.new_proxy(dice_.of(pools_), [&](Proxy& it) {
        dice_.vary(it);
        it.id = dice_.id<ProxyId>();
        it.host = "10.0.1." + std::to_string(dice_.below(15));  // often taken
    });
    count("add_proxy");
    both("add_proxy " + proxy.id.to_string(),
         [&](IStorage& store) { return text_of(store.catalog()->add_proxy(proxy)); });
    if (model_.catalog()->get_proxy(proxy.id)) {
        proxies_.push_back(proxy);
    }
}

void Comparison::add_proxies() {
    AddProxiesRequest request{.on_duplicate = static_cast<DuplicatePolicy>(dice_.below(3))};
    const auto many = 1 + dice_.below(3);
    for (std::size_t i = 0; i < many; ++i) {
        request.proxies.push_back(context_.new_proxy(dice_.of(pools_), [&](Proxy& it) {
            dice_.vary(it);
            it.id = dice_.id<ProxyId>();
            it.host = "10.0.1." + std::to_string(dice_.below(15));
        }));
    }
    count("add_proxies");
    both("add_proxies", [&](IStorage& store) {
        const auto result = store.catalog()->add_proxies(request);
        return std::to_string(result.added) + ' ' + std::to_string(result.skipped) + ' ' +
               std::to_string(result.updated);
    });
    for (const auto& proxy : request.proxies) {
        if (model_.catalog()->get_proxy(proxy.id)) {
            proxies_.push_back(proxy);
        }
    }
}

void Comparison::change_proxy() {
    if (proxies_.empty()) {
        return;
    }
    const auto stored = model_.catalog()->get_proxy(dice_.of(proxies_).id);
    if (!stored) {
        return;
    }
    Proxy changed = *stored;
    dice_.vary(changed);
    if (dice_.one_in(6)) {
        changed.pool_id = dice_.of(pools_).id;
    }
    count("change_proxy");
    both("update_proxy " + changed.id.to_string(),
         [&](IStorage& store) { return text_of(store.catalog()->update_proxy(changed)); });
}

void Comparison::remove_proxy() {
    const auto id = known_proxy();
    const bool force = dice_.one_in(2);
    count("remove_proxy");
    both("remove_proxy " + id.to_string(), [&](IStorage& store) {
        const auto result = store.catalog()->remove_proxy(id, force);
        return std::to_string(result.removed) + ' ' + std::to_string(result.revoked_leases);
    });
    if (!model_.catalog()->get_proxy(id)) {
        std::erase_if(proxies_, [&](const Proxy& it) { return it.id == id; });
    }
}

}  // namespace pharox::testkit
