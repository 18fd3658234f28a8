#include "model_check.hpp"

#include <algorithm>
#include <random>
#include <sstream>

#include "pharox/model/serialization.hpp"
#include "pharox/storage/in_memory.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// Within this time after its end a lease's record is kept by every store.
constexpr auto remembered = 9min;

/// Draws everything that a history needs from one seed.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class T>
    const T& of(const std::vector<T>& some) {
        return some[below(some.size())];
    }
    template <class AnyId>
    AnyId id() {
        UuidBytes bytes{};
        for (auto& byte : bytes) {
            byte = static_cast<std::uint8_t>(random_());
        }
        bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
        bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
        return AnyId(bytes);
    }

    ProxyFilters filters(int depth = 0) {
        ProxyFilters drawn;
        if (one_in(2)) {
            return drawn;
        }
        if (one_in(3))
            drawn.country =
                one_in(2) ? OneOf<std::string>(country()) : OneOf<std::string>{country(), country()};
        if (one_in(6)) drawn.city = std::string("a");
        if (one_in(6)) drawn.asn = static_cast<std::int64_t>(below(3));
        if (one_in(6)) drawn.protocol = protocol();
        if (one_in(6)) drawn.tags = {tag()};
        if (one_in(6)) drawn.metadata = {{{"tier"}, static_cast<double>(below(3))}};
        if (one_in(8)) {
            drawn.latitude = drawn.longitude = 10.0 * static_cast<double>(below(3));
            drawn.radius_km = one_in(2) ? std::optional(2'000.0) : std::nullopt;
        }
        if (one_in(6)) {
            const char last = static_cast<char>('0' + below(10));
            drawn.predicate = [last](const Proxy& it) { return it.host.back() < last; };
        }
        if (depth < 3) {
            if (one_in(6)) drawn.all_of = {filters(depth + 1), filters(depth + 1)};
            if (one_in(6)) drawn.any_of = {filters(depth + 1), filters(depth + 1)};
            if (one_in(6)) drawn.none_of = {filters(depth + 1)};
        }
        return drawn;
    }
    Selector selector() {
        return of<Selector>({Selector::first_available, Selector::round_robin, Selector::least_used,
                             Selector::lowest_latency});
    }
    Duration duration() { return one_in(8) ? Duration(1 + below(5)) : Duration(1'000 * (1 + below(60))); }
    std::string country() { return of<std::string>({"AR", "BR", "CL", "ar"}); }
    std::string tag() { return of<std::string>({"mobile", "5g", "slow"}); }
    ProxyProtocol protocol() { return one_in(2) ? ProxyProtocol::http : ProxyProtocol::socks5; }

  private:
    std::mt19937_64 random_;
};

template <class E>
bool is(const std::exception& error) {
    return dynamic_cast<const E*>(&error) != nullptr;
}

/// The type of an error is part of the contract; its words are not.
std::string name_of(const std::exception& error) {
    if (is<InvalidLeaseError>(error)) return "InvalidLeaseError";
    if (is<ValidationError>(error)) return "ValidationError";
    if (is<LeaseEndedError>(error)) return "LeaseEndedError";
    if (is<PoolNotFoundError>(error)) return "PoolNotFoundError";
    if (is<ProxyNotFoundError>(error)) return "ProxyNotFoundError";
    if (is<ProxyUnavailableError>(error)) return "ProxyUnavailableError";
    if (is<ConsumerNotFoundError>(error)) return "ConsumerNotFoundError";
    if (is<ConflictError>(error)) return "ConflictError";
    return std::string("unexpected: ") + error.what();
}

std::string text_of(const Proxy& proxy) { return to_json(proxy).dump(); }
std::string text_of(const Lease& lease) { return to_json(lease).dump(); }
std::string text_of(const PoolStatsSnapshot& stats) { return to_json(stats).dump(); }
template <class T>
std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : "nothing";
}
template <class T>
std::string text_of(const std::vector<T>& values) {
    std::string text = "[";
    for (const auto& value : values) {
        text += text_of(value) + '\n';
    }
    return text + "]";
}
std::string text_of(const LeasedProxy& leased) {
    return text_of(leased.lease()) + '\n' + text_of(leased.proxy());
}

/// One history.
class Comparison {
  public:
    Comparison(Context& context, std::uint64_t seed)
        : context_(context), dice_(seed), model_({.clock = context.store_clock()}) {
        for (const auto* name : {"pool", "other"}) {
            const ProxyPool pool{.id = dice_.id<PoolId>(), .name = name};
            pools_.push_back(pool);
            both("add_pool", [&](IStorage& store) { return store.catalog()->add_pool(pool).name; });
        }
        for (const auto* name : {"one", "two", "three"}) {
            const Consumer consumer{.id = dice_.id<ConsumerId>(), .name = name};
            both("add_consumer",
                 [&](IStorage& store) { return store.catalog()->add_consumer(consumer).name; });
        }
        for (int i = 0; i < 10; ++i) {
            add_proxy();
        }
    }

    void step() {
        const auto dice = dice_.below(100);
        if (dice < 10) {
            context_.clock().advance(Duration(dice_.one_in(3) ? dice_.below(5) : dice_.below(20'000)));
            return;
        }
        if (dice < 18) {
            return read();  // before anybody collects what has expired
        }
        both("cleanup", [](IStorage& store) {
            const auto result = store.cleanup_expired_leases({.collect = true});
            return std::to_string(result.count) + text_of(result.leases);
        });
        forget();
        if (dice < 48) return acquire();
        if (dice < 56) return create_lease();
        if (dice < 64) return find();
        if (dice < 82) return release();
        if (dice < 88) return renew();
        if (dice < 95) return change_proxy();
        if (dice < 97) return add_proxy();
        if (dice < 98) return remove_proxy();
        read();
    }

    [[nodiscard]] bool differs() const { return differs_; }
    [[nodiscard]] const std::string& last() const { return last_; }

  private:
    template <class Call>
    std::pair<std::string, std::string> answers(const Call& call) {
        const auto answer = [&](IStorage& store) -> std::string {
            try {
                return call(store);
            } catch (const std::exception& error) {
                return name_of(error);
            }
        };
        return {answer(context_.store()), answer(model_)};
    }
    template <class Call>
    void both(const std::string& what, const Call& call) {
        last_ = what;
        const auto [real, model] = answers(call);
        compare(real, model);
    }
    void compare(const std::string& real, const std::string& model) {
        if (real != model) {
            differs_ = true;
            ADD_FAILURE() << last_ << "\nthe store: " << real << "\nthe model: " << model;
        }
    }

    void remember(const Lease& lease) {
        if (std::none_of(leases_.begin(), leases_.end(),
                         [&](const Lease& it) { return it.id == lease.id; })) {
            leases_.push_back(lease);
        }
    }
    void forget() {
        const auto now = context_.clock().now();
        std::erase_if(leases_, [&](const Lease& it) {
            const auto record = model_.lease_control()->get_lease({.lease_id = it.id});
            return !record || record->released_at.value_or(now) < now - remembered;
        });
    }
    LeaseId known_lease() {
        return leases_.empty() || dice_.one_in(20) ? dice_.id<LeaseId>() : dice_.of(leases_).id;
    }
    ProxyId known_proxy() {
        return proxies_.empty() || dice_.one_in(30) ? dice_.id<ProxyId>() : dice_.of(proxies_).id;
    }
    std::string pool() { return dice_.one_in(25) ? "elsewhere" : dice_.of(pools_).name; }
    std::string consumer() {
        return dice_.one_in(40) ? "stranger" : dice_.of<std::string>({"one", "two", "three"});
    }

    void acquire() {
        AcquireRequest request{.pool = pool(),
                               .consumer = consumer(),
                               .duration = dice_.duration(),
                               .filters = dice_.filters(),
                               .selector = dice_.selector(),
                               .lease_id = dice_.one_in(6) ? known_lease() : dice_.id<LeaseId>()};
        if (dice_.one_in(10) && !proxies_.empty()) {
            request.filters.exclude = {known_proxy(), known_proxy()};
        }
        std::ostringstream what;
        what << "acquire from " << request.pool << " for " << request.consumer << ", lease "
             << request.lease_id << ", " << request.selector << ", " << request.filters;
        last_ = what.str();
        std::optional<Miss> misses[2];
        const auto [real, model] = answers([&](IStorage& store) {
            const auto result = store.acquire(request);
            if (!result) {
                misses[&store == &model_ ? 1 : 0] = result.miss();
                return "miss: " + std::string(to_string(result.miss()));
            }
            remember(result.lease());
            return (result.replayed ? "replayed " : "leased ") + text_of(result.leased()) +
                   text_of(result.expired);
        });
        // A store, and the model, may leave untold why nothing was free.
        const auto vague = [&](int teller, int other) {
            return misses[teller] == Miss::none_available &&
                   (misses[other] == Miss::all_busy || misses[other] == Miss::nothing_matches);
        };
        const bool untold = vague(0, 1) || vague(1, 0);
        if (!untold) {
            compare(real, model);
        }
    }
    void create_lease() {
        const CreateLeaseRequest request{.proxy_id = known_proxy(),
                                         .consumer = consumer(),
                                         .duration = dice_.duration(),
                                         .lease_id = dice_.one_in(5) ? known_lease() : dice_.id<LeaseId>(),
                                         .metadata = Json::object({{"n", static_cast<int>(dice_.below(9))}})};
        both("create_lease " + request.lease_id.to_string() + " on " + request.proxy_id.to_string(),
             [&](IStorage& store) {
                 const auto leased = store.create_lease(request);
                 remember(leased.lease());
                 return text_of(leased);
             });
    }
    void find() {
        const FindRequest request{.pool = pool(), .filters = dice_.filters(), .selector = dice_.selector()};
        std::ostringstream what;
        what << "find in " << request.pool << ", " << request.selector << ", " << request.filters;
        both(what.str(), [&](IStorage& store) { return text_of(store.find_available_proxy(request).proxy); });
    }
    void release() {
        const ReleaseRequest request{.lease_id = known_lease()};
        both("release " + request.lease_id.to_string(), [&](IStorage& store) {
            const auto result = store.release_lease(request);
            return (result.released ? "released " : "not released ") + text_of(result.lease);
        });
    }
    void renew() {
        const RenewRequest request{.lease_id = known_lease(), .duration = dice_.duration()};
        both("renew " + request.lease_id.to_string(), [&](IStorage& store) {
            const auto result = store.lease_control()->renew_lease(request);
            return (result.renewed ? "renewed " : "not renewed ") + text_of(result.lease);
        });
    }
    void read() {
        const auto name = pool();
        const auto lease = known_lease();
        const ListProxiesRequest list{.pool = name, .filters = dice_.filters(), .limit = 1 + dice_.below(20)};
        switch (dice_.below(3)) {
            case 0:
                return both("statistics of " + name,
                            [&](IStorage& store) { return text_of(store.get_pool_stats({.pool = name})); });
            case 1:
                return both("get_lease " + lease.to_string(), [&](IStorage& store) {
                    return text_of(store.lease_control()->get_lease({.lease_id = lease}));
                });
            default:
                return both("list of " + name, [&](IStorage& store) {
                    return text_of(store.catalog()->list_proxies(list).items);
                });
        }
    }

    void add_proxy() {
        Proxy proxy;
        proxy.id = dice_.id<ProxyId>();
        proxy.pool_id = dice_.of(pools_).id;
        proxy.host = "10.0.0." + std::to_string(dice_.below(40));  // sometimes taken
        proxy.port = 8080;
        vary(proxy);
        both("add_proxy " + proxy.id.to_string(),
             [&](IStorage& store) { return text_of(store.catalog()->add_proxy(proxy)); });
        if (model_.catalog()->get_proxy(proxy.id)) {
            proxies_.push_back(proxy);
        }
    }
    void vary(Proxy& proxy) {
        proxy.protocol = dice_.protocol();
        proxy.status = dice_.one_in(5) ? dice_.of<ProxyStatus>({ProxyStatus::inactive, ProxyStatus::slow})
                                       : ProxyStatus::active;
        proxy.checked_at = Timestamp(std::chrono::days(19'000) + std::chrono::hours(dice_.below(3)));
        proxy.country = dice_.one_in(3) ? std::nullopt : std::optional(dice_.country());
        proxy.city = dice_.one_in(2) ? std::nullopt : std::optional<std::string>("a");
        proxy.asn = dice_.one_in(3) ? std::nullopt : std::optional(static_cast<std::int64_t>(dice_.below(3)));
        proxy.latitude = proxy.longitude =
            dice_.one_in(3) ? std::nullopt : std::optional(10.0 * static_cast<double>(dice_.below(3)));
        proxy.latency_ms =
            dice_.one_in(3) ? std::nullopt : std::optional(0.5 * static_cast<double>(dice_.below(4)));
        proxy.max_concurrency =
            dice_.one_in(6) ? std::nullopt : std::optional(1 + static_cast<int>(dice_.below(3)));
        proxy.tags =
            dice_.one_in(2) ? std::set<std::string>{} : std::set<std::string>{dice_.tag(), dice_.tag()};
        proxy.metadata =
            dice_.one_in(2) ? Json::object() : Json::object({{"tier", static_cast<int>(dice_.below(3))}});
    }
    void change_proxy() {
        if (proxies_.empty()) {
            return;
        }
        Proxy& proxy = proxies_[dice_.below(proxies_.size())];
        Proxy changed = proxy;
        vary(changed);
        if (dice_.one_in(6)) {
            changed.pool_id = dice_.of(pools_).id;
        }
        both("update_proxy " + changed.id.to_string(),
             [&](IStorage& store) { return text_of(store.catalog()->update_proxy(changed)); });
    }
    void remove_proxy() {
        const auto id = known_proxy();
        const bool force = dice_.one_in(2);
        both("remove_proxy " + id.to_string(), [&](IStorage& store) {
            const auto result = store.catalog()->remove_proxy(id, force);
            return std::to_string(result.removed) + ' ' + std::to_string(result.revoked_leases);
        });
        if (!model_.catalog()->get_proxy(id)) {
            std::erase_if(proxies_, [&](const Proxy& it) { return it.id == id; });
        }
    }

    Context& context_;
    Dice dice_;
    InMemoryStorage model_;
    std::vector<ProxyPool> pools_;
    std::vector<Proxy> proxies_;
    std::vector<Lease> leases_;
    std::string last_;
    bool differs_ = false;
};

}  // namespace

void compare_with_model(Context& context, std::uint64_t seed, int steps) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, "replay with PHAROX_SEED=" + std::to_string(seed));
    Comparison comparison(context, seed);
    for (int step = 0; step < steps && !comparison.differs(); ++step) {
        comparison.step();
        if (comparison.differs()) {
            ADD_FAILURE() << "at step " << step << " of seed " << seed;
        }
    }
}

}  // namespace pharox::testkit
