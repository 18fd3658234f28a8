#include "comparison/comparison.hpp"

#include <algorithm>
#include <sstream>

namespace pharox::testkit {

namespace {

template <class Request>
std::string asked(const char* call, const Request& request) {
    std::ostringstream text;
    text << call << " in " << request.pool << ", " << request.selector
         << (request.allow_slow ? ", slow too" : "") << ", " << request.filters;
    return text.str();
}

/// A model that keeps health records as the store does.
InMemoryOptions options_like(Context& context) {
    InMemoryOptions options{.clock = context.clock().shared()};
    const Properties& properties = context.properties();
    options.health_retention = properties.health_retention.value_or(options.health_retention);
    options.health_records_per_proxy = properties.health_records.value_or(options.health_records_per_proxy);
    return options;
}

}  // namespace

Comparison::Comparison(Context& context, std::uint64_t seed)
    : context_(context), seed_(seed), dice_(seed, ~std::uint64_t{0}), model_(options_like(context)) {
    const bool catalog = context.has_catalog();
    const bool control = context.has_control();
    const bool health = context.has_health();
    operations_ = {{9, true, &Comparison::pass_time},
                   {4, true, &Comparison::statistics},
                   {3, control, &Comparison::get_lease},
                   {3, control, &Comparison::list_leases},
                   {4, catalog, &Comparison::list_proxies},
                   {2, context.has_maintenance(), &Comparison::audit},
                   {3, health, &Comparison::read_health},
                   {24, true, &Comparison::acquire},
                   {5, true, &Comparison::acquire_many},
                   {6, true, &Comparison::create_lease},
                   {8, true, &Comparison::find},
                   {12, true, &Comparison::release},
                   {3, true, &Comparison::release_many},
                   {5, control, &Comparison::renew},
                   {3, control, &Comparison::revoke},
                   {2, true, &Comparison::ensure_consumer},
                   {3, health, &Comparison::apply_health},
                   {3, health, &Comparison::save_record},
                   {2, catalog, &Comparison::add_proxy},
                   {2, catalog, &Comparison::add_proxies},
                   {7, catalog, &Comparison::change_proxy},
                   {2, catalog, &Comparison::remove_proxy}};
    std::erase_if(operations_, [](const Operation& it) { return !it.possible; });
    for (const auto& operation : operations_) {
        weights_ += static_cast<std::size_t>(operation.weight);
    }
    for (const auto* name : {"pool", "other"}) {
        pools_.push_back(context_.add_pool(name));
        model_.add_pool(pools_.back());
    }
    for (const auto* name : {"one", "two", "three"}) {
        model_.add_consumer({.id = context_.store().ensure_consumer({.name = name}), .name = name});
    }
    for (int i = 0; i < 12; ++i) {
        auto proxy = context_.new_proxy(dice_.of(pools_), [&](Proxy& it) {
            dice_.vary(it);
            it.id = dice_.id<ProxyId>();
            it.host = "10.0.1." + std::to_string(i);
        });
        if (catalog) {
            context_.catalog().add_proxy(proxy);
        } else {
            context_.properties().seed_proxy(context_.store(), proxy);
        }
        proxies_.push_back(model_.add_proxy(proxy));
    }
}

void Comparison::step(int number) {
    dice_ = Dice(seed_, static_cast<std::uint64_t>(number));
    auto at = dice_.below(weights_);
    for (const auto& operation : operations_) {
        const auto weight = static_cast<std::size_t>(operation.weight);
        if (at < weight) {
            return (this->*operation.run)();
        }
        at -= weight;
    }
}

void Comparison::compare(const std::string& real, const std::string& model) {
    if (real != model && difference_.empty()) {
        difference_ = last_ + "\nthe store: " + real + "\nthe model: " + model;
    }
}

bool Comparison::store_chooses(Selector selector) const {
    const bool by_use = selector == Selector::round_robin || selector == Selector::least_used;
    return selector == Selector::random || selector == Selector::weighted_random ||
           (by_use && context_.properties().rotation == Rotation::fair);
}

/// Before a pick: an expiry may be noticed late in the order of the selectors.
void Comparison::cleanup() {
    bool expired = false;
    both("cleanup", [&](IStorage& store) {
        const auto result = store.cleanup_expired_leases({.collect = true});
        expired = expired || result.count > 0;
        return std::to_string(result.count) + text_of(result.leases);
    });
    if (expired) {
        count("expiry");
    }
}

void Comparison::count_asked(const ProxyFilters& filters, Selector selector, bool allow_slow) {
    for (const auto& kind : kinds_in(filters)) {
        count(kind);
    }
    count(std::string(to_string(selector)));
    if (allow_slow) {
        count("allow_slow");
    }
}

void Comparison::remember(const Lease& lease) {
    if (std::none_of(leases_.begin(), leases_.end(), [&](const Lease& it) { return it.id == lease.id; })) {
        leases_.push_back(lease);
    }
}

void Comparison::forget() {
    const auto now = context_.clock().now();
    std::erase_if(leases_, [&](const Lease& it) {
        const auto record = model_.lease_control()->get_lease({.lease_id = it.id});
        return !record || record->released_at.value_or(now) < now - remembered;
    });
    std::erase_if(records_, [&](const auto& record) { return record.second < now - remembered; });
}

LeaseId Comparison::known_lease() {
    if (leases_.empty() || dice_.one_in(20)) {
        return dice_.id<LeaseId>();
    }
    // The newest ones, which have not ended, as often as all the others.
    const auto from = dice_.one_in(2) ? leases_.size() - std::min<std::size_t>(leases_.size(), 5) : 0;
    return leases_[from + dice_.below(leases_.size() - from)].id;
}

ProxyId Comparison::known_proxy() {
    return proxies_.empty() || dice_.one_in(30) ? dice_.id<ProxyId>() : dice_.of(proxies_).id;
}

std::string Comparison::pool() { return dice_.one_in(25) ? "elsewhere" : dice_.of(pools_).name; }

std::string Comparison::consumer() {
    return dice_.one_in(40) ? "stranger" : dice_.of<std::string>({"one", "two", "three"});
}

void Comparison::pass_time() {
    // Sometimes hours, so that ended leases are deleted.
    const auto end = [&]() -> std::size_t {
        if (dice_.one_in(40)) return 8'000'000;
        return dice_.one_in(3) ? 5 : 20'000;
    };
    const Duration passed(dice_.below(end()));
    context_.clock().advance(passed);
    last_ = std::to_string(passed.count()) + " ms pass";
    forget();
}

// ---- Acquire, find

AcquireRequest Comparison::drawn_acquire() {
    AcquireRequest request{.pool = pool(),
                           .consumer = consumer(),
                           .duration = dice_.duration(),
                           .filters = dice_.filters(),
                           .selector = dice_.selector(),
                           .lease_id = dice_.id<LeaseId>(),
                           .metadata = Json::object({{"n", static_cast<int>(dice_.below(9))}}),
                           .allow_slow = dice_.one_in(5)};
    if (context_.properties().replays && dice_.one_in(4)) {
        ask_again(request);
    }
    if (request.selector == Selector::round_robin) {
        // The default's find advances a use sequence before the lease id is looked up.
        request.consumer = "one";
        request.lease_id = dice_.id<LeaseId>();
    }
    if (dice_.one_in(10)) {
        request.filters.exclude = {known_proxy(), known_proxy()};
    }
    if (dice_.one_in(6)) {
        count("tenure");
        request.max_tenure = request.duration + Duration(dice_.below(30'000));
    }
    count_asked(request.filters, request.selector, request.allow_slow);
    return request;
}

void Comparison::ask_again(AcquireRequest& request) {
    request.lease_id = known_lease();
    const auto lease = model_.lease_control()->get_lease({.lease_id = request.lease_id});
    if (!lease || dice_.one_in(4)) {
        return;  // with another pool or consumer, most likely
    }
    request.pool = lease->pool_name;
    for (const auto* name : {"one", "two", "three"}) {
        if (model_.catalog()->get_consumer(name)->id == lease->consumer_id) {
            request.consumer = name;
        }
    }
}

void Comparison::acquire() {
    cleanup();
    const AcquireRequest request = drawn_acquire();
    count("acquire");
    if (store_chooses(request.selector)) {
        return acquire_at_random(request);
    }
    last_ =
        asked("acquire", request) + " for " + request.consumer + ", lease " + request.lease_id.to_string();
    std::optional<Miss> misses[2];
    const auto [real, model] = answers([&](IStorage& store) {
        const auto result = store.acquire(request);
        if (!result) {
            misses[&store == &model_ ? 1 : 0] = result.miss();
            return "miss: " + std::string(to_string(result.miss()));
        }
        if (&store == &model_) {
            count("hit");
            count(result.replayed ? "replay" : "lease");
        }
        remember(result.lease());
        // Who made the lease is told by the result; whether the lease says so too is the store's affair.
        return (result.replayed ? "replayed " : "leased ") + text_of(result.lease()) + '\n' +
               text_of(result.proxy()) + text_of(result.expired);
    });
    if (!misses[0] || !misses[1] || !may_both_be_true(*misses[0], *misses[1])) {
        compare(real, model);
    }
}

/// The store chooses; the model leases the same proxy, and must agree that it fits.
void Comparison::acquire_at_random(const AcquireRequest& request) {
    last_ = asked("acquire", request) + ", lease " + request.lease_id.to_string();
    const FindRequest like{.pool = request.pool, .filters = request.filters, .selector = request.selector};
    const auto active = model_.find_available_proxy(like).proxy;
    std::optional<AcquireResult> drawn;
    std::string real;
    try {
        drawn = context_.store().acquire(request);
    } catch (const std::exception& error) {
        real = name_of(error);
    }
    if (!drawn || !*drawn || drawn->replayed) {
        std::string model;
        try {
            const auto result = model_.acquire(request);
            model = result ? text_of(result.lease()) : "miss";
            if (result) {
                count("hit");
                count("replay");
            }
            if (drawn && !*drawn && !result && may_both_be_true(drawn->miss(), result.miss())) {
                return;
            }
        } catch (const std::exception& error) {
            model = name_of(error);
        }
        if (drawn) {
            real = *drawn ? text_of(drawn->lease()) : "miss: " + std::string(to_string(drawn->miss()));
        }
        return compare(real, model);
    }
    count("hit");
    const Proxy& proxy = drawn->proxy();
    remember(drawn->lease());
    const bool fits = matches(request.filters, proxy) &&
                      (request.selector != Selector::weighted_random || proxy.weight > 0.0) &&
                      proxy.status == (active ? ProxyStatus::active : ProxyStatus::slow);
    compare(fits ? "fits" : "leased what does not fit: " + text_of(proxy), "fits");
    std::string model;
    try {
        const auto leased = model_.create_lease({.proxy_id = proxy.id,
                                                 .consumer = request.consumer,
                                                 .duration = request.duration,
                                                 .lease_id = request.lease_id,
                                                 .metadata = request.metadata,
                                                 .allow_slow = request.allow_slow,
                                                 .max_tenure = request.max_tenure});
        model = text_of(leased.lease()) + text_of(leased.proxy());
    } catch (const std::exception& error) {
        model = name_of(error);
    }
    compare(text_of(drawn->lease()) + text_of(proxy), model);
}

void Comparison::acquire_many() {
    cleanup();
    AcquireManyRequest request{
        .each = drawn_acquire(), .count = 1 + dice_.below(4), .distinct = dice_.one_in(2)};
    request.each.lease_id = LeaseId{};  // a batch has lease_ids
    if (store_chooses(request.each.selector)) {
        request.each.selector = Selector::lowest_latency;
    }
    for (std::size_t i = 0; i < request.count; ++i) {
        request.lease_ids.push_back(dice_.id<LeaseId>());
    }
    count("acquire_many");
    if (request.distinct) {
        count("distinct");
    }
    last_ = asked(request.distinct ? "acquire many, distinct" : "acquire many", request.each) + ", " +
            std::to_string(request.count);
    std::optional<Miss> misses[2];
    const auto [real, model] = answers([&](IStorage& store) {
        const auto result = store.acquire_many(request);
        misses[&store == &model_ ? 1 : 0] = result.miss;
        for (const auto& leased : result.leased) {
            remember(leased.lease());
        }
        return text_of(result.leased) + text_of(result.expired);
    });
    compare(real, model);
    if (misses[0].has_value() != misses[1].has_value() ||
        (misses[0] && !may_both_be_true(*misses[0], *misses[1]))) {
        compare(misses[0] ? std::string(to_string(*misses[0])) : "all of them",
                misses[1] ? std::string(to_string(*misses[1])) : "all of them ");
    }
}

void Comparison::find() {
    cleanup();
    const FindRequest request{.pool = pool(),
                              .filters = dice_.filters(),
                              .selector = dice_.selector(),
                              .allow_slow = dice_.one_in(5)};
    count("find");
    count_asked(request.filters, request.selector, request.allow_slow);
    if (store_chooses(request.selector)) {
        return find_at_random(request);
    }
    both(asked("find", request),
         [&](IStorage& store) { return text_of(store.find_available_proxy(request).proxy); });
}

void Comparison::find_at_random(const FindRequest& request) {
    last_ = asked("find", request);
    const auto drawn = context_.store().find_available_proxy(request).proxy;
    const auto model = model_.find_available_proxy(request).proxy;
    compare(drawn ? "found" : "nothing", model ? "found" : "nothing");
    if (drawn) {
        const bool fits = matches(request.filters, *drawn) && (!model || drawn->status == model->status) &&
                          (request.selector != Selector::weighted_random || drawn->weight > 0.0);
        compare(fits ? "fits" : "found what does not fit: " + text_of(*drawn), "fits");
        compare(text_of(*drawn), text_of(model_.catalog()->get_proxy(drawn->id)));
    }
}

void Comparison::expect_enough_was_tried(int steps) const {
    const auto tried = [&](const std::string& what) {
        const auto found = tried_.find(what);
        return found == tried_.end() ? 0 : found->second;
    };
    std::vector<std::string> wanted{"source",
                                    "country",
                                    "city",
                                    "isp",
                                    "asn",
                                    "protocol",
                                    "tags",
                                    "metadata",
                                    "place",
                                    "radius",
                                    "exclude",
                                    "predicate",
                                    "all_of",
                                    "any_of",
                                    "none_of",
                                    "allow_slow",
                                    "tenure",
                                    "expiry",
                                    "first_available",
                                    "round_robin",
                                    "least_used",
                                    "lowest_latency",
                                    "random",
                                    "weighted_random",
                                    "acquire",
                                    "acquire_many",
                                    "distinct",
                                    "create_lease",
                                    "find",
                                    "release",
                                    "release_many",
                                    "ensure_consumer",
                                    "statistics"};
    const auto want = [&](bool had, const std::vector<std::string>& more) {
        if (had) {
            wanted.insert(wanted.end(), more.begin(), more.end());
        }
    };
    want(context_.properties().replays, {"replay"});
    want(context_.has_catalog(),
         {"list_proxies", "add_proxy", "add_proxies", "change_proxy", "remove_proxy"});
    want(context_.has_control(), {"renew", "revoke", "get_lease", "list_leases"});
    want(context_.has_health(), {"apply_health", "save_record", "read_health"});
    want(context_.has_maintenance(), {"audit"});
    for (const auto& what : wanted) {
        EXPECT_GE(100 * tried(what), steps) << what << ": less than 1 % of " << steps << " steps";
    }
    EXPECT_GE(10 * tried("hit"), 3 * tried("acquire")) << "too few acquires hit";
    EXPECT_LE(10 * tried("hit"), 8 * tried("acquire")) << "too few acquires miss";
    std::string shares;
    for (const auto& [what, times] : tried_) {
        shares += what + ' ' + std::to_string(times) + ", ";
    }
    testing::Test::RecordProperty("shares", shares + std::to_string(steps) + " steps");
}

}  // namespace pharox::testkit
