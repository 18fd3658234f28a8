// Wrong catalogs, counters, copies and clocks.
#include <map>
#include <set>

#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

class SpoiltCatalog : public SpoiltElsewhere, public ICatalog {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    ICatalog* catalog() override { return this; }
    ProxyPool add_pool(const ProxyPool& pool) override { return right().add_pool(pool); }
    ProxyPool update_pool(const ProxyPool& pool) override { return right().update_pool(pool); }
    std::optional<ProxyPool> get_pool(const std::string& name) override { return right().get_pool(name); }
    Page<ProxyPool> list_pools(const ListRequest& request) override { return right().list_pools(request); }
    RemoveResult remove_pool(const std::string& name, bool force) override {
        return right().remove_pool(name, force);
    }
    Proxy add_proxy(const Proxy& proxy) override { return right().add_proxy(proxy); }
    AddProxiesResult add_proxies(const AddProxiesRequest& request) override {
        return right().add_proxies(request);
    }
    Proxy update_proxy(const Proxy& proxy) override { return right().update_proxy(proxy); }
    std::optional<Proxy> get_proxy(ProxyId id) override { return right().get_proxy(id); }
    Page<Proxy> list_proxies(const ListProxiesRequest& request) override {
        return right().list_proxies(request);
    }
    RemoveResult remove_proxy(ProxyId id, bool force) override { return right().remove_proxy(id, force); }
    Consumer add_consumer(const Consumer& consumer) override { return right().add_consumer(consumer); }
    std::optional<Consumer> get_consumer(const std::string& name) override {
        return right().get_consumer(name);
    }
    Page<Consumer> list_consumers(const ListRequest& request) override {
        return right().list_consumers(request);
    }
    RemoveResult remove_consumer(const std::string& name, bool force) override {
        return right().remove_consumer(name, force);
    }

  protected:
    [[nodiscard]] ICatalog& right() const { return *inner().catalog(); }
};

/// Every third lease is not counted.
class CounterIsLost : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        auto leased = inner().create_lease(request);
        if (++leases_ % 3 == 0) ++lost_[request.proxy_id];
        return {miscounted(leased.proxy()), leased.lease()};
    }
    std::optional<Proxy> get_proxy(ProxyId id) override {
        auto proxy = right().get_proxy(id);
        return proxy ? std::optional(miscounted(*proxy)) : std::nullopt;
    }
    FindResult find_available_proxy(const FindRequest& request) override {
        auto found = inner().find_available_proxy(request);
        if (found.proxy) found.proxy = miscounted(*found.proxy);
        return found;
    }

  private:
    Proxy miscounted(Proxy proxy) {
        proxy.current_leases -= lost_[proxy.id];
        return proxy;
    }
    int leases_ = 0;
    std::map<ProxyId, int> lost_;
};

/// Goes on answering what it read first.
class FindAnswersAnOldCopy : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    FindResult find_available_proxy(const FindRequest& request) override {
        auto found = inner().find_available_proxy(request);
        if (found.proxy) found.proxy = read_.try_emplace(found.proxy->id, *found.proxy).first->second;
        return found;
    }

  private:
    std::map<ProxyId, Proxy> read_;
};

class UpdateAnswersTheCounterItWasGiven : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    Proxy update_proxy(const Proxy& proxy) override {
        auto stored = right().update_proxy(proxy);
        stored.current_leases = proxy.current_leases;
        return stored;
    }
};

class BulkLeavesAPart : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    AddProxiesResult add_proxies(const AddProxiesRequest& request) override {
        AddProxiesResult result;
        for (const auto& proxy : request.proxies) {
            const auto one = right().add_proxies({.proxies = {proxy}, .on_duplicate = request.on_duplicate});
            result.added += one.added;
            result.skipped += one.skipped;
            result.updated += one.updated;
        }
        return result;
    }
};

class RemovalIsAlwaysForced : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    RemoveResult remove_proxy(ProxyId id, bool /*force*/) override { return right().remove_proxy(id, true); }
};

class RecordsGoWithTheirProxy : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    RemoveResult remove_proxy(ProxyId id, bool force) override {
        const auto result = right().remove_proxy(id, force);
        if (result.removed) gone_.insert(id);
        return result;
    }
    ReleaseResult release_lease(const ReleaseRequest& request) override {
        auto result = inner().release_lease(request);
        if (result.lease && gone_.contains(result.lease->proxy_id)) return {};
        return result;
    }

  private:
    std::set<ProxyId> gone_;
};

class TheFirstPageIsAll : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    Page<Proxy> list_proxies(const ListProxiesRequest& request) override {
        return {.items = right().list_proxies(request).items};
    }
};

class RenamedPoolKeepsItsOldName : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    ProxyPool update_pool(const ProxyPool& pool) override {
        for (const auto& stored : right().list_pools({}).items) {
            if (stored.id == pool.id) old_names_[stored.name] = pool.name;
        }
        return right().update_pool(pool);
    }
    std::optional<ProxyPool> get_pool(const std::string& name) override {
        const auto renamed = old_names_.find(name);
        return right().get_pool(renamed == old_names_.end() ? name : renamed->second);
    }

  private:
    std::map<std::string, std::string> old_names_;
};

class ConflictsNameTheWrongField : public SpoiltCatalog {
  public:
    using SpoiltCatalog::SpoiltCatalog;
    Proxy add_proxy(const Proxy& proxy) override {
        try {
            return right().add_proxy(proxy);
        } catch (const ConflictError&) {
            throw ConflictError("id", proxy.id.to_string(), "is the id of another proxy");
        }
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_catalog() {
    PlantedBug clock_is_ignored{
        .name = "ClockIsIgnored",
        .caught_by = {"answers_are_the_models", "lease_ends_exactly_then", "statistics_are_of_now"},
        .store = spoilt_store([](const Setup&) { return std::make_shared<InMemoryStorage>(); })};
    return {
        plant<CounterIsLost>("CounterIsLost", {"answers_are_the_models", "counter_follows_leases"}),
        plant<FindAnswersAnOldCopy>("FindAnswersAnOldCopy",
                                    {"answers_are_the_models", "proxy_is_updated_whole"}),
        plant<UpdateAnswersTheCounterItWasGiven>("UpdateAnswersTheCounterItWasGiven",
                                                 {"counters_belong_to_the_store"}),
        plant<BulkLeavesAPart>("BulkLeavesAPart", {"answers_are_the_models", "bulk_reject_leaves_nothing"}),
        plant<RemovalIsAlwaysForced>("RemovalIsAlwaysForced",
                                     {"answers_are_the_models", "proxy_with_leases_stays"}),
        plant<RecordsGoWithTheirProxy>("RecordsGoWithTheirProxy", {"forced_removal_revokes"}),
        plant<TheFirstPageIsAll>("TheFirstPageIsAll", {"proxies_come_in_pages"}),
        plant<RenamedPoolKeepsItsOldName>("RenamedPoolKeepsItsOldName", {"pool_is_renamed"}),
        plant<ConflictsNameTheWrongField>("ConflictsNameTheWrongField", {"conflicts_name_the_proxy"}),
        std::move(clock_is_ignored),
    };
}

}  // namespace pharox::testkit
