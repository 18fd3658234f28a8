// Random but valid values, from a seed, for the property tests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/health.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/model/stats.hpp"

class RandomModels {
  public:
    explicit RandomModels(std::uint64_t seed) : random_(seed) {}

    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
    bool coin() { return below(2) == 0; }
    double between(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random_);
    }
    template <class T>
    const T& one_of(const std::vector<T>& values) {
        return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
    }
    template <class Make>
    auto maybe(Make make) -> std::optional<decltype(make())> {
        if (coin()) return std::nullopt;
        return make();
    }

    std::string text() {
        static const std::vector<std::string> pieces{"a", "Z", "0", " ", "é",  "漢", "😀", "\"",  "\\",
                                                     "/", "~", "{", "%", "\n", "'",  ":",  "\x7f"};
        std::string made;
        for (int i = below(8) + 1; i > 0; --i) made += one_of(pieces);
        return made;
    }
    pharox::Timestamp time() {
        return pharox::Timestamp(std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(
            -62'000'000'000'000'000, 250'000'000'000'000'000)(random_)));
    }
    pharox::Json json(int depth = 4) {
        using pharox::Json;
        switch (below(depth > 1 ? 8 : 6)) {
            case 0:
                return {};
            case 1:
                return coin();
            case 2:
                return static_cast<std::int64_t>(random_());
            case 3:
                return between(-1e9, 1e9);
            case 4:
                return below(10);
            case 5:
                return text();
            case 6: {
                Json array = Json::array();
                for (int i = below(4); i > 0; --i) array = array.with_element(json(depth - 1));
                return array;
            }
            default:
                return object(depth);
        }
    }
    pharox::Json object(int depth = 4) {
        pharox::Json made = pharox::Json::object();
        for (int i = below(4); i > 0; --i) made = made.with(text(), json(depth - 1));
        return made;
    }

    pharox::ProxyCredentials credentials() {
        static const std::vector<std::string> users{"user name", "ü", "{lease}", "a{{b", "p-{session}"};
        if (coin()) return {one_of(users), coin() ? "" : "p@ss word", true};
        return {"u" + std::to_string(below(100)), "{}%:@/"};
    }
    pharox::Proxy proxy() {
        static const std::vector<std::string> hosts{"10.0.0.1", "::1", "fe80::1%eth0",
                                                    "xn--bcher-kva.example"};
        pharox::Proxy made{.pool_id = pharox::PoolId::make(), .host = one_of(hosts)};
        made.port = below(65535) + 1;
        made.protocol = static_cast<pharox::ProxyProtocol>(below(4));
        made.status = static_cast<pharox::ProxyStatus>(below(4));
        made.checked_at = time();
        made.credentials = maybe([this] { return credentials(); });
        made.source = maybe([this] { return text(); });
        made.country = maybe([this] { return text(); });
        made.city = maybe([this] { return text(); });
        made.isp = maybe([this] { return text(); });
        made.asn = maybe([this] { return static_cast<std::int64_t>(random_() >> 32U); });
        if (coin()) {
            made.latitude = between(-90, 90);
            made.longitude = between(-180, 180);
        }
        made.latency_ms = maybe([this] { return between(0, 1e5); });
        made.max_concurrency = maybe([this] { return below(100) + 1; });
        made.current_leases = below(5);
        made.weight = between(0, 10);
        for (int i = below(4); i > 0; --i) made.tags.insert(text());
        made.metadata = object();
        return made;
    }
    pharox::ProxyPool pool() {
        return {.name = text(), .description = maybe([this] { return text(); }), .metadata = object()};
    }
    pharox::Consumer consumer() { return {.name = text()}; }
    pharox::Lease lease() {
        pharox::Lease made{.id = pharox::LeaseId::make(),
                           .proxy_id = pharox::ProxyId::make(),
                           .consumer_id = pharox::ConsumerId::make(),
                           .pool_id = pharox::PoolId::make(),
                           .pool_name = text(),
                           .acquired_at = time(),
                           .fencing_token = static_cast<std::int64_t>(random_() >> 1U),
                           .metadata = object()};
        made.expires_at = made.acquired_at + std::chrono::milliseconds(below(1'000'000) + 1);
        if (coin()) {
            made.status = pharox::LeaseStatus::released;
            made.released_at = made.expires_at;
            made.release_reason = static_cast<pharox::ReleaseReason>(below(3));
        }
        return made;
    }
    pharox::PoolStatsSnapshot stats() {
        return {text(), below(9), below(9), below(9), below(9), below(9), time()};
    }
    pharox::HealthCheckOptions options() {
        pharox::HealthCheckOptions made;
        made.target_url = "https://target.example/" + std::to_string(below(100));
        made.timeout = pharox::Duration(below(10'000) + 1);
        made.attempts = below(5) + 1;
        made.expected_status_codes.push_back(below(500) + 100);
        made.slow_threshold = pharox::Duration(below(10'000));
        made.allow_redirects = coin();
        if (coin()) made.headers = {{"A", "b"}, {"C", ""}};
        return made;
    }
    pharox::HealthCheckResult result() {
        return {.proxy_id = pharox::ProxyId::make(),
                .status = static_cast<pharox::ProxyStatus>(below(4)),
                .latency_ms = maybe([this] { return between(0, 1e5); }),
                .protocol = static_cast<pharox::ProxyProtocol>(below(4)),
                .attempts = below(5) + 1,
                .status_code = maybe([this] { return below(500) + 100; }),
                .checked_at = time(),
                .failure = maybe([this] { return static_cast<pharox::HealthFailure>(below(9)); }),
                .error_message = maybe([this] { return text(); })};
    }
    pharox::ProxyHealthRecord record() {
        return {.proxy_id = pharox::ProxyId::make(),
                .checked_at = time(),
                .reachable = coin(),
                .latency_ms = maybe([this] { return between(0, 1e5); }),
                .protocol = static_cast<pharox::ProxyProtocol>(below(4)),
                .status_before = maybe([this] { return static_cast<pharox::ProxyStatus>(below(4)); }),
                .status_after = static_cast<pharox::ProxyStatus>(below(4)),
                .failure = maybe([this] { return static_cast<pharox::HealthFailure>(below(9)); }),
                .error = maybe([this] { return text(); })};
    }

    /// Filters over few values, so that they often match proxies of small_proxy(). Some nodes get the result
    /// of `predicate`, if it is set.
    pharox::ProxyFilters filters(int depth,
                                 const std::function<pharox::ProxyFilters::Predicate()>& predicate = {}) {
        pharox::ProxyFilters made;
        if (below(4) == 0) made.country = countries();
        if (below(4) == 0) made.source = {one_of(sources_)};
        if (below(6) == 0) made.asn = {std::int64_t{below(3)}, std::int64_t{below(3)}};
        if (below(6) == 0) made.protocol = static_cast<pharox::ProxyProtocol>(below(4));
        if (below(6) == 0) made.tags = {one_of(sources_)};
        if (below(6) == 0) made.metadata = {{{"n"}, below(3)}};
        if (below(6) == 0) {
            made.latitude = below(3);
            made.longitude = below(3);
            if (coin()) made.radius_km = between(1, 300);
        }
        if (predicate && below(4) == 0) made.predicate = predicate();
        if (depth > 1) {
            for (auto* children : {&made.all_of, &made.any_of, &made.none_of}) {
                if (below(2) == 0) continue;
                for (int i = below(3); i > 0; --i) children->push_back(filters(depth - 1, predicate));
            }
        }
        return made;
    }
    pharox::Proxy small_proxy() {
        pharox::Proxy made{.pool_id = pharox::PoolId::make(), .host = "10.0.0.1", .port = 80};
        made.protocol = static_cast<pharox::ProxyProtocol>(below(4));
        made.source = maybe([this] { return one_of(sources_); });
        made.country = maybe([this] { return one_of(countries_); });
        made.asn = maybe([this] { return std::int64_t{below(3)}; });
        if (coin()) {
            made.latitude = below(3);
            made.longitude = below(3);
        }
        if (coin()) made.tags = {one_of(sources_)};
        if (coin()) made.metadata = pharox::Json::object({{"n", below(3)}});
        return made;
    }

  private:
    std::vector<std::string> countries() {
        std::vector<std::string> made;
        for (int i = below(3); i > 0; --i) made.push_back(one_of(countries_));
        return made;
    }

    std::vector<std::string> countries_{"AR", "BR", "CL"};
    std::vector<std::string> sources_{"x", "y"};
    std::mt19937_64 random_;
};
