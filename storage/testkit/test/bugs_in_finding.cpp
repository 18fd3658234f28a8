// Wrong answers to what can be leased.
#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "spoilt.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// All proxies of a pool that are active, also those that have reached their limit.
std::vector<Proxy> active_in(IStorage& store, const std::string& pool) {
    return store.catalog()
        ->list_proxies({.pool = pool, .status = ProxyStatus::active, .limit = 10'000})
        .items;
}

/// Takes a proxy whose row another transaction has locked for one that is leased.
class FalseMiss : public SpoiltElsewhere {
  public:
    using SpoiltElsewhere::SpoiltElsewhere;
    FindResult find_available_proxy(const FindRequest& request) override {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) {
            return {};
        }
        std::this_thread::sleep_for(100us);  // a row is held while its owner works
        return inner().find_available_proxy(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) {
            return Miss::none_available;
        }
        std::this_thread::sleep_for(100us);
        return inner().try_acquire(request);
    }

  private:
    std::mutex mutex_;
};

class UnknownPoolThrows : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        if (!inner().get_pool_stats({.pool = request.pool})) {
            throw PoolNotFoundError(request.pool);
        }
        return inner().find_available_proxy(request);
    }
};

/// SQL's three values: NOT (country = 'x') is not true where country is null.
class NullFailsNoneOf : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest narrowed = request;
        for (const auto& child : request.filters.none_of) {
            if (!child.country.empty()) {
                narrowed.filters.predicate = [](const Proxy& it) { return it.country.has_value(); };
            }
        }
        return inner().find_available_proxy(narrowed);
    }
};

class CaseIsFolded : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest folded = request;
        std::vector<std::string> countries;
        for (auto value : request.filters.country.values()) {
            countries.push_back(value);
            value[0] = static_cast<char>(value[0] ^ 0x20);
            countries.push_back(value);
        }
        folded.filters.country = countries;
        return inner().find_available_proxy(folded);
    }
};

/// Drops a child that is only a predicate, as a server's WHERE does.
class PredicateDroppedInAnyOf : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest dropped = request;
        std::erase_if(dropped.filters.any_of,
                      [](const ProxyFilters& child) { return child.predicate && child.country.empty(); });
        return inner().find_available_proxy(dropped);
    }
};

/// Hands out the stored object, whose counter others move.
class PredicateGetsTheLiveProxy : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest wrapped = request;
        if (request.filters.predicate) {
            wrapped.filters.predicate = [&](const Proxy& it) {
                Proxy live = it;
                ++live.current_leases;  // as if another caller had leased it
                return request.filters.predicate(live);
            };
        }
        return inner().find_available_proxy(wrapped);
    }
};

class PredicateAskedOfAll : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest wrapped = request;
        if (const auto predicate = request.filters.predicate) {
            std::set<ProxyId> fit;
            for (const auto& proxy : active_in(inner(), request.pool)) {
                if (predicate(proxy)) {
                    fit.insert(proxy.id);
                }
            }
            wrapped.filters.predicate = [fit](const Proxy& it) { return fit.contains(it.id); };
        }
        return inner().find_available_proxy(wrapped);
    }
};

/// 1 is not 1.0, or true is 1: a comparison by text.
class MetadataCompareByText : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest wrapped = request;
        for (const auto& wanted : request.filters.metadata) {
            wrapped.filters.predicate = [wanted](const Proxy& it) {
                std::optional<Json> value = it.metadata;
                for (const auto& key : wanted.path) {
                    value = value ? value->find(key) : std::nullopt;
                }
                return value && value->dump() == wanted.equals.dump();
            };
        }
        wrapped.filters.metadata.clear();
        return inner().find_available_proxy(wrapped);
    }
};

/// Compares longitudes as numbers: 179.9 is far from -179.9.
class FlatEarth : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest flat = request;
        const auto& filters = request.filters;
        if (filters.radius_km) {
            flat.filters.predicate = [filters](const Proxy& it) {
                return it.longitude && std::abs(*it.longitude - *filters.longitude) < *filters.radius_km / 50;
            };
        }
        return inner().find_available_proxy(flat);
    }
};

class RoundRobinIsFirstAvailable : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest other = request;
        if (other.selector == Selector::round_robin) {
            other.selector = Selector::first_available;
        }
        return inner().find_available_proxy(other);
    }
};

/// The reference's cursor: a position in whatever list fits this time.
class CursorPerPool : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        if (request.selector != Selector::round_robin) {
            return inner().find_available_proxy(request);
        }
        std::vector<Proxy> fitting;
        for (const auto& proxy : active_in(inner(), request.pool)) {
            if (matches(request.filters, proxy) &&
                (!proxy.max_concurrency || proxy.current_leases < *proxy.max_concurrency)) {
                fitting.push_back(proxy);
            }
        }
        FindResult result;
        if (!fitting.empty()) {
            result.proxy = fitting[cursor_ % fitting.size()];
            cursor_ = (cursor_ + 1) % fitting.size();
        }
        return result;
    }

  private:
    std::size_t cursor_ = 0;
};

class UnmeasuredIsFast : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        if (request.selector == Selector::lowest_latency) {
            FindRequest unmeasured = request;
            const auto asked = request.filters.predicate;
            unmeasured.filters.predicate = [asked](const Proxy& it) {
                return !it.latency_ms && (!asked || asked(it));
            };
            if (auto found = inner().find_available_proxy(unmeasured); found.proxy) {
                return found;
            }
        }
        return inner().find_available_proxy(request);
    }
};

class LeastUsedIgnoresLeases : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest other = request;
        if (other.selector == Selector::least_used) {
            other.selector = Selector::first_available;
        }
        return inner().find_available_proxy(other);
    }
};

class WeightsAreIgnored : public Spoilt {
  public:
    using Spoilt::Spoilt;
    FindResult find_available_proxy(const FindRequest& request) override {
        FindRequest other = request;
        if (other.selector == Selector::weighted_random) {
            other.selector = Selector::random;
        }
        return inner().find_available_proxy(other);
    }
};

}  // namespace

std::vector<PlantedBug> bugs_in_finding() {
    return {
        plant<FalseMiss>("FalseMiss", {"no_miss_while_a_proxy_is_available", "storm_of_threads"}),
        plant<UnknownPoolThrows>("UnknownPoolThrows",
                                 {"unknown_pool_finds_nothing", "unknown_pool_is_a_miss"}),
        plant<NullFailsNoneOf>("NullFailsNoneOf", {"answers_are_the_models", "null_passes_none_of"}),
        plant<CaseIsFolded>("CaseIsFolded", {"text_compares_by_bytes"}),
        plant<PredicateDroppedInAnyOf>("PredicateDroppedInAnyOf", {"predicate_under_composites"}),
        plant<PredicateGetsTheLiveProxy>("PredicateGetsTheLiveProxy", {"predicate_gets_a_copy"}),
        plant<PredicateAskedOfAll>("PredicateAskedOfAll", {"predicate_stops_at_the_first_hit"}),
        plant<MetadataCompareByText>("MetadataCompareByText",
                                     {"answers_are_the_models", "metadata_equals_by_value"}),
        plant<FlatEarth>("FlatEarth", {"radius_across_the_antimeridian", "radius_at_the_poles"}),
        plant<RoundRobinIsFirstAvailable>("RoundRobinIsFirstAvailable", {"rotation_goes_in_id_order"}),
        plant<CursorPerPool>("CursorPerPool", {"answers_are_the_models", "rotation_while_leases_are_kept",
                                               "rotation_is_fair_to_a_part_and_the_whole"}),
        plant<UnmeasuredIsFast>("UnmeasuredIsFast", {"lowest_latency_first"}),
        plant<LeastUsedIgnoresLeases>("LeastUsedIgnoresLeases",
                                      {"least_used_first", "least_used_spreads_leases"}),
        plant<WeightsAreIgnored>("WeightsAreIgnored", {"weights_give_shares", "weight_zero_is_never_picked"}),
    };
}

}  // namespace pharox::testkit
