#include "pharox/model/proxy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "pharox/model/serialization.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::Json;
using pharox::Proxy;
using pharox::ProxyCredentials;
using pharox::ProxyProtocol;
using pharox::ValidationError;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Proxy some_proxy() { return {.pool_id = pharox::PoolId::make(), .host = "proxy.example", .port = 8080}; }

std::string text(std::size_t length) { return std::string().append(length, 'x'); }

Json nested(int depth) {
    Json json = Json::object();
    for (int i = 1; i < depth; ++i) json = Json::object({{"a", json}});
    return json;
}

struct Breach {
    const char* what;
    std::function<void(Proxy&)> change;
    std::string refusal;
};

TEST(Proxy, NamesTheFieldTheValueAndTheRule) {
    const Breach breaches[] = {
        {"nil id", [](Proxy& p) { p.id = {}; }, "id | 00000000-0000-0000-0000-000000000000 | is nil"},
        {"no pool", [](Proxy& p) { p.pool_id = {}; },
         "pool_id | 00000000-0000-0000-0000-000000000000 | is nil"},
        {"no host", [](Proxy& p) { p.host = ""; }, "host |  | is empty"},
        {"port 0", [](Proxy& p) { p.port = 0; }, "port | 0 | is below 1"},
        {"port -1", [](Proxy& p) { p.port = -1; }, "port | -1 | is below 1"},
        {"port 65536", [](Proxy& p) { p.port = 65536; }, "port | 65536 | is above 65535"},
        {"protocol", [](Proxy& p) { p.protocol = static_cast<ProxyProtocol>(4); },
         "protocol | 4 | is not a protocol"},
        {"status", [](Proxy& p) { p.status = static_cast<pharox::ProxyStatus>(4); },
         "status | 4 | is not a status"},
        {"year 10000", [](Proxy& p) { p.checked_at = pharox::Timestamp::max(); },
         "checked_at | 9223372036854775807 | microseconds since 1970 are outside the years 0 to 9999"},
        {"empty source", [](Proxy& p) { p.source = ""; }, "source |  | is empty"},
        {"long country", [](Proxy& p) { p.country = text(256); },
         "country | " + text(256) + " | is longer than 255 bytes"},
        {"city with NUL", [](Proxy& p) { p.city = std::string("a\0b", 3); },
         "city | " + std::string("a\0b", 3) + " | contains a NUL"},
        {"isp in Latin-1", [](Proxy& p) { p.isp = "Telef\xF3nica"; }, "isp | Telef\xF3nica | is not UTF-8"},
        {"asn below", [](Proxy& p) { p.asn = -1; }, "asn | -1 | is below 0"},
        {"asn above", [](Proxy& p) { p.asn = 4'294'967'296; }, "asn | 4294967296 | is above 4294967295"},
        {"latitude alone", [](Proxy& p) { p.latitude = 1.0; }, "longitude |  | is missing beside a latitude"},
        {"longitude alone", [](Proxy& p) { p.longitude = 1.0; },
         "latitude |  | is missing beside a longitude"},
        {"latitude", [](Proxy& p) { p.latitude = 90.5, p.longitude = 0.0; },
         "latitude | 90.5 | is above 90.0"},
        {"latitude", [](Proxy& p) { p.latitude = -90.5, p.longitude = 0.0; },
         "latitude | -90.5 | is below -90.0"},
        {"longitude", [](Proxy& p) { p.latitude = 0.0, p.longitude = 180.25; },
         "longitude | 180.25 | is above 180.0"},
        {"latitude NaN", [](Proxy& p) { p.latitude = nan, p.longitude = 0.0; },
         "latitude | nan | is not finite"},
        {"longitude inf", [](Proxy& p) { p.latitude = 0.0, p.longitude = -infinity; },
         "longitude | -inf | is not finite"},
        {"latency", [](Proxy& p) { p.latency_ms = -0.5; }, "latency_ms | -0.5 | is below 0.0"},
        {"latency NaN", [](Proxy& p) { p.latency_ms = nan; }, "latency_ms | nan | is not finite"},
        {"latency inf", [](Proxy& p) { p.latency_ms = infinity; }, "latency_ms | inf | is not finite"},
        {"limit 0", [](Proxy& p) { p.max_concurrency = 0; }, "max_concurrency | 0 | is below 1"},
        {"weight", [](Proxy& p) { p.weight = -1; }, "weight | -1.0 | is below 0.0"},
        {"weight NaN", [](Proxy& p) { p.weight = nan; }, "weight | nan | is not finite"},
        {"weight inf", [](Proxy& p) { p.weight = infinity; }, "weight | inf | is not finite"},
        {"empty tag", [](Proxy& p) { p.tags = {"a", ""}; }, "tags |  | is empty"},
        {"metadata list", [](Proxy& p) { p.metadata = Json::array({1}); },
         "metadata | [1] | is not an object"},
        {"metadata null", [](Proxy& p) { p.metadata = Json(); }, "metadata | null | is not an object"},
        {"metadata depth", [](Proxy& p) { p.metadata = nested(33); },
         "metadata | 33 | levels are more than 32"},
        {"metadata size", [](Proxy& p) { p.metadata = Json::object({{"a", text(16'384)}}); },
         "metadata | 16392 | bytes are more than 16384"},
        {"no user", [](Proxy& p) { p.credentials = {"", "x"}; }, "credentials.user |  | is empty"},
        {"long user", [](Proxy& p) { p.credentials = {text(256), "x"}; },
         "credentials.user | *** | is longer than 255 bytes"},
        {"long password", [](Proxy& p) { p.credentials = {"x", text(256)}; },
         "credentials.password | *** | is longer than 255 bytes"},
        {"user in Latin-1", [](Proxy& p) { p.credentials = {"\xFC", "x"}; },
         "credentials.user | *** | is not UTF-8"},
        {"password with line", [](Proxy& p) { p.credentials = {"x", "a\r\nb"}; },
         "credentials.password | *** | contains a control character"},
        {"password with NUL", [](Proxy& p) { p.credentials = {"x", std::string("a\0b", 3)}; },
         "credentials.password | *** | contains a control character"},
        {"colon", [](Proxy& p) { p.credentials = {"a:b", "x"}; },
         "credentials.user | *** | contains a colon, which HTTP cannot carry in a user (RFC 7617)"},
    };
    for (const auto& [what, change, refusal] : breaches) {
        Proxy proxy = some_proxy();
        change(proxy);
        EXPECT_EQ(refusal_of([&] { return validated(proxy); }), refusal) << what;
    }
}

TEST(Proxy, LimitsThemselvesAreAllowed) {
    const std::function<void(Proxy&)> changes[] = {
        [](Proxy& p) { p.port = 1; },
        [](Proxy& p) { p.port = 65535; },
        [](Proxy& p) { p.country = text(255); },
        [](Proxy& p) { p.asn = 0; },
        [](Proxy& p) { p.asn = 4'294'967'295; },
        [](Proxy& p) { p.latitude = 90, p.longitude = 180; },
        [](Proxy& p) { p.latitude = -90, p.longitude = -180; },
        [](Proxy& p) { p.latency_ms = 0; },
        [](Proxy& p) { p.max_concurrency = 1; },
        [](Proxy& p) { p.weight = 0; },
        [](Proxy& p) { p.metadata = nested(32); },
        [](Proxy& p) { p.metadata = Json::object({{"a", text(16'384 - 8)}}); },
        [](Proxy& p) { p.credentials = {text(255), text(255)}; },
        [](Proxy& p) { p.credentials = {"a", ""}; },
        [](Proxy& p) { p.credentials = {"a", "b:c"}; },
        [](Proxy& p) { p.credentials = {"a:b", "c"}, p.protocol = ProxyProtocol::socks5; },
    };
    for (const auto& change : changes) {
        Proxy proxy = some_proxy();
        change(proxy);
        EXPECT_EQ(validated(proxy), proxy);
    }
}

TEST(Proxy, ValidatedIsCanonical) {
    Proxy proxy = some_proxy();
    proxy.host = "BÜCHER.example.";
    proxy.current_leases = 7;
    const Proxy canonical = validated(proxy);
    EXPECT_EQ(canonical.host, "xn--bcher-kva.example");
    EXPECT_EQ(canonical.current_leases, 0);
    EXPECT_EQ(validated(canonical), canonical);
}

TEST(Proxy, DefaultsAreInactiveAndNow) {
    const auto before = pharox::current_time();
    const Proxy proxy;
    EXPECT_EQ(proxy.status, pharox::ProxyStatus::inactive);
    EXPECT_EQ(proxy.weight, 1.0);
    EXPECT_FALSE(proxy.max_concurrency);
    EXPECT_GE(proxy.checked_at, before);
    EXPECT_LE(proxy.checked_at, pharox::current_time());
    EXPECT_FALSE(proxy.id.is_nil());
}

struct Address {
    Proxy proxy;
    std::string url, redacted;
};

TEST(Proxy, UrlsEncodeAndBracket) {
    const Address addresses[] = {
        {{.host = "10.0.0.1", .port = 80}, "http://10.0.0.1:80", "http://10.0.0.1:80"},
        {{.host = "2001:db8::1", .port = 1080, .protocol = ProxyProtocol::socks5},
         "socks5://[2001:db8::1]:1080",
         "socks5://[2001:db8::1]:1080"},
        {{.host = "fe80::1%eth0", .port = 80, .protocol = ProxyProtocol::https},
         "https://[fe80::1%25eth0]:80",
         "https://[fe80::1%25eth0]:80"},
        {{.host = "h.example", .port = 80, .credentials = ProxyCredentials{"user name", "p@ss word"}},
         "http://user%20name:p%40ss%20word@h.example:80",
         "http://***@h.example:80"},
        {{.host = "h.example",
          .port = 80,
          .protocol = ProxyProtocol::socks4,
          .credentials = ProxyCredentials{"ü:/@?#%", ""}},
         "socks4://%C3%BC%3A%2F%40%3F%23%25:@h.example:80",
         "socks4://***@h.example:80"},
        {{.host = "h.example", .port = 80, .credentials = ProxyCredentials{"aZ09-._~", "!$&'()*+,;="}},
         "http://aZ09-._~:%21%24%26%27%28%29%2A%2B%2C%3B%3D@h.example:80",
         "http://***@h.example:80"},
        {{.host = "h.example", .port = 80, .credentials = ProxyCredentials{"{lease}", "{{"}},
         "http://%7Blease%7D:%7B%7B@h.example:80",
         "http://***@h.example:80"},
    };
    for (const auto& [proxy, url, redacted] : addresses) {
        EXPECT_EQ(proxy.url(), url);
        EXPECT_EQ(proxy.redacted_url(), redacted);
        EXPECT_EQ(proxy.identity(), url) << "without a template they are the same";
    }
}

TEST(Proxy, IdentityDependsOnCredentials) {
    const auto identity = [](std::optional<ProxyCredentials> credentials) {
        Proxy proxy = some_proxy();
        proxy.country = "AR";
        proxy.credentials = std::move(credentials);
        return proxy.identity();
    };
    const std::string different[] = {
        identity(std::nullopt),
        identity(ProxyCredentials{"a", ""}),
        identity(ProxyCredentials{"a", "b"}),
        identity(ProxyCredentials{"{lease}", ""}),
        identity(ProxyCredentials{"{lease}", "", true}),
        identity(ProxyCredentials{"{session}", "", true}),
        identity(ProxyCredentials{"{{session}}", "", true}),
        identity(ProxyCredentials{"a-{lease}", "", true}),
    };
    for (const std::string& one : different) {
        EXPECT_EQ(std::count(std::begin(different), std::end(different), one), 1) << one;
    }
    EXPECT_EQ(identity(ProxyCredentials{"{{lease}}", "", true}), identity(ProxyCredentials{"{lease}", ""}));
    EXPECT_EQ(identity(ProxyCredentials{"a-{country}", "", true}), identity(ProxyCredentials{"a-AR", ""}));
    EXPECT_EQ(identity(ProxyCredentials{"a", "b", true}), identity(ProxyCredentials{"a", "b"}));
}

TEST(Proxy, IdentityIsNotTheId) {
    const Proxy one = some_proxy();
    Proxy other = some_proxy();
    EXPECT_EQ(one.identity(), other.identity());
    other.port = 81;
    EXPECT_NE(one.identity(), other.identity());
    other = some_proxy();
    other.protocol = ProxyProtocol::https;
    EXPECT_NE(one.identity(), other.identity());
}

/// All printed forms of a proxy with these credentials.
std::string all_output(const Proxy& proxy) {
    std::ostringstream out;
    out << proxy << *proxy.credentials << proxy.redacted_url() << to_redacted_json(proxy)
        << to_redacted_json(proxy).dump_pretty();
    const auto try_to = [&](const auto& call) {
        try {
            static_cast<void>(call());
        } catch (const ValidationError& error) {
            out << error.what() << error.field() << error.value() << error.rule();
        }
    };
    try_to([&] { return validated(proxy); });
    try_to([&] { return to_json(proxy); });
    if (proxy.credentials->template_) {
        try_to([&] { return proxy.url(); });
        try_to([&] { return proxy.identity(); });
    }
    return out.str();
}

TEST(Proxy, OutputContainsNoSecrets) {
    const std::string secret = "hunter2";
    const ProxyCredentials all[] = {
        {secret, secret},
        {secret + "\xFF", secret},
        {secret, secret + "\n"},
        {secret, secret + std::string(1, '\0')},
        {secret + ":" + secret, secret},
        {secret + text(300), secret},
        {secret, secret + text(300)},
        {secret + "{", secret, true},
        {secret + "{" + secret + "}", secret, true},
        {secret + "{country}", secret, true},
        {secret + "{metadata.a..b}", secret, true},
        {secret, "}" + secret, true},
        {secret + "{lease}", secret, true},
    };
    for (const ProxyCredentials& credentials : all) {
        Proxy proxy = some_proxy();
        proxy.credentials = credentials;
        EXPECT_EQ(all_output(proxy).find(secret), std::string::npos) << all_output(proxy);
        proxy.port = 0;
        EXPECT_EQ(all_output(proxy).find(secret), std::string::npos) << all_output(proxy);
    }
}

TEST(Proxy, RedactedJsonKeepsTheRest) {
    Proxy proxy = some_proxy();
    EXPECT_EQ(to_redacted_json(proxy), to_json(proxy));
    proxy.credentials = {"a", "b", true};
    EXPECT_EQ(to_redacted_json(proxy).find("credentials")->dump(),
              R"({"password":"***","template":true,"user":"***"})");
    EXPECT_EQ(to_redacted_json(proxy).find("host"), to_json(proxy).find("host"));
}

TEST(ProxyPool, NamesTheFieldTheValueAndTheRule) {
    const auto refusal = [](const pharox::ProxyPool& pool) {
        return refusal_of([&] { return validated(pool); });
    };
    EXPECT_EQ(refusal({.id = {}, .name = "a"}), "id | 00000000-0000-0000-0000-000000000000 | is nil");
    EXPECT_EQ(refusal({.name = ""}), "name |  | is empty");
    EXPECT_EQ(refusal({.name = text(129)}), "name | " + text(129) + " | is longer than 128 bytes");
    EXPECT_EQ(refusal({.name = "a", .description = ""}), "description |  | is empty");
    EXPECT_EQ(refusal({.name = "a", .description = text(256)}),
              "description | " + text(256) + " | is longer than 255 bytes");
    EXPECT_EQ(refusal({.name = "a", .metadata = 1}), "metadata | 1 | is not an object");
    EXPECT_EQ(validated(pharox::ProxyPool{.name = text(128)}).name, text(128));
}

TEST(Consumer, NamesTheFieldTheValueAndTheRule) {
    const auto refusal = [](const pharox::Consumer& who) {
        return refusal_of([&] { return validated(who); });
    };
    EXPECT_EQ(refusal({.id = {}, .name = "a"}), "id | 00000000-0000-0000-0000-000000000000 | is nil");
    EXPECT_EQ(refusal({.name = ""}), "name |  | is empty");
    EXPECT_EQ(refusal({.name = text(129)}), "name | " + text(129) + " | is longer than 128 bytes");
    EXPECT_EQ(validated(pharox::Consumer{.name = text(128)}).name, text(128));
}

TEST(ProxyEnums, ReadExactlyWhatTheyWrite) {
    for (const std::string name : {"http", "https", "socks4", "socks5"})
        EXPECT_EQ(to_string(pharox::parse_proxy_protocol(name)), name);
    for (const std::string name : {"active", "inactive", "slow", "banned"})
        EXPECT_EQ(to_string(pharox::parse_proxy_status(name)), name);
    EXPECT_EQ(refusal_of([] { return pharox::parse_proxy_protocol("HTTP"); }),
              "protocol | HTTP | is not http, https, socks4 or socks5");
    EXPECT_EQ(refusal_of([] { return pharox::parse_proxy_status("", "state"); }),
              "state |  | is not active, inactive, slow or banned");
    std::ostringstream out;
    out << ProxyProtocol::socks5 << ' ' << pharox::ProxyStatus::banned;
    EXPECT_EQ(out.str(), "socks5 banned");
}

}  // namespace
