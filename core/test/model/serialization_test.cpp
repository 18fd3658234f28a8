#include "pharox/model/serialization.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "test/random_models.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::from_json;
using pharox::Json;

/// Converts to text and back.
template <class Model>
Model again(const Model& model) {
    return from_json<Model>(Json::parse(to_json(model).dump()));
}

TEST(Serialization, EveryModelRoundTrips) {
    RandomModels random(20'260'131);
    for (int i = 0; i < 500; ++i) {
        const auto proxy = random.proxy();
        EXPECT_EQ(again(proxy), proxy);
        const auto credentials = random.credentials();
        EXPECT_EQ(again(credentials), credentials);
        const auto pool = random.pool();
        EXPECT_EQ(again(pool), pool);
        const auto consumer = random.consumer();
        EXPECT_EQ(again(consumer), consumer);
        const auto lease = random.lease();
        EXPECT_EQ(again(lease), lease);
        const auto stats = random.stats();
        EXPECT_EQ(again(stats), stats);
        const auto options = random.options();
        EXPECT_EQ(again(options), options);
        const auto result = random.result();
        EXPECT_EQ(again(result), result);
        const auto record = random.record();
        EXPECT_EQ(again(record), record);
        const auto filters = random.filters(4);
        EXPECT_EQ(to_json(again(filters)), to_json(filters));
    }
}

TEST(Serialization, DeepestNestingRoundTrips) {
    Json deepest = Json::object();
    for (int i = 1; i < 32; ++i) deepest = Json::object({{"a", deepest}});
    const pharox::Proxy proxy{.pool_id = pharox::PoolId::make(), .host = "h", .port = 1, .metadata = deepest};
    EXPECT_EQ(again(proxy), proxy);
    pharox::ProxyFilters filters{.metadata = {{{"a"}, 1}}};
    for (int i = 1; i < 16; ++i) filters = {.any_of = {filters}};
    EXPECT_EQ(to_json(again(filters)), to_json(filters));
}

TEST(Serialization, FieldNamesAreFixed) {
    const auto id = [](const char* last) {
        return std::string("0190abcd-0000-7000-8000-00000000000") + last;
    };
    const pharox::Proxy proxy{.id = pharox::ProxyId::parse(id("1")),
                              .pool_id = pharox::PoolId::parse(id("2")),
                              .host = "h.example",
                              .port = 80,
                              .checked_at = pharox::Timestamp{},
                              .credentials = pharox::ProxyCredentials{"u", "p"},
                              .asn = 0,
                              .latitude = 1.5,
                              .longitude = -2,
                              .max_concurrency = 3,
                              .tags = {"b", "a"}};
    EXPECT_EQ(
        to_json(proxy).dump(),
        R"({"asn":0,"checked_at":"1970-01-01T00:00:00.000000Z",)"
        R"("credentials":{"password":"p","template":false,"user":"u"},"current_leases":0,)"
        R"("host":"h.example","id":")" +
            id("1") + R"(","latitude":1.5,"longitude":-2.0,"max_concurrency":3,"metadata":{},"pool_id":")" +
            id("2") + R"(","port":80,"protocol":"http","status":"inactive","tags":["a","b"],"weight":1.0})");
    EXPECT_EQ(to_json(pharox::HealthCheckOptions{}).dump(),
              R"({"allow_redirects":true,"attempts":1,"expected_status_codes":[200],"headers":{},)"
              R"("slow_threshold_ms":2000,"target_url":"https://httpbin.org/ip","timeout_ms":5000})");
    const pharox::ProxyFilters filters{.country = {"AR", "BR"},
                                       .protocol = pharox::ProxyProtocol::socks5,
                                       .metadata = {{{"a/b", "~"}, 1}},
                                       .none_of = {{.tags = {"x"}}}};
    EXPECT_EQ(to_json(filters).dump(),
              R"({"country":["AR","BR"],"metadata":[{"equals":1,"pointer":"/a~1b/~0"}],)"
              R"("none_of":[{"tags":["x"]}],"protocol":"socks5"})");
}

Json proxy_json() {
    return Json::object(
        {{"pool_id", pharox::PoolId::make().to_string()}, {"host", "h.example"}, {"port", 80}});
}

TEST(Serialization, AbsentFieldsHaveDefaults) {
    const auto proxy = from_json<pharox::Proxy>(proxy_json());
    EXPECT_FALSE(proxy.id.is_nil());
    EXPECT_EQ(proxy.status, pharox::ProxyStatus::inactive);
    EXPECT_EQ(proxy.weight, 1.0);
    EXPECT_EQ(proxy.metadata, Json::object());
    EXPECT_EQ(from_json<pharox::HealthCheckOptions>(Json::object()), pharox::HealthCheckOptions{});
    EXPECT_TRUE(from_json<pharox::ProxyFilters>(Json::object()).empty());
}

TEST(Serialization, NullIsAbsent) {
    Json json = proxy_json();
    for (const char* const name : {"id", "protocol", "status", "checked_at", "credentials", "source",
                                   "country", "city", "isp", "asn", "latitude", "longitude", "latency_ms",
                                   "max_concurrency", "current_leases", "weight", "tags", "metadata"}) {
        json = json.with(name, Json());
    }
    auto proxy = from_json<pharox::Proxy>(json);
    auto expected = from_json<pharox::Proxy>(proxy_json().with("pool_id", *json.find("pool_id")));
    expected.id = proxy.id;
    expected.checked_at = proxy.checked_at;
    EXPECT_EQ(proxy, expected);
    EXPECT_EQ(refusal_of([&] { return from_json<pharox::Proxy>(json.with("host", Json())); }),
              "host |  | is missing");
    EXPECT_TRUE(
        from_json<pharox::ProxyFilters>(Json::object({{"country", Json()}, {"any_of", Json()}})).empty());
}

struct Wrong {
    const char* field;
    Json value;
    std::string refusal;
};

TEST(Serialization, ErrorsNameTheFieldOfAProxy) {
    const Wrong wrongs[] = {
        {"hots", "h", "hots |  | is not a known field"},
        {"id", "x", "id | x | is not a UUID"},
        {"id", 7, "id | 7 | is not a UUID"},
        {"pool_id", "x", "pool_id | x | is not a UUID"},
        {"host", 7, "host | 7 | is not text"},
        {"host", "[::1]", "host | *** | is in brackets, which belong to URLs"},
        {"port", "80", "port | 80 | is not a whole number"},
        {"port", 80.5, "port | 80.5 | is not a whole number"},
        {"port", true, "port | true | is not a whole number"},
        {"port", 80'800, "port | 80800 | is above 65535"},
        {"port", std::int64_t{1} << 40, "port | 1099511627776 | is above 2147483647"},
        {"port", -(std::int64_t{1} << 40), "port | -1099511627776 | is below -2147483648"},
        {"protocol", "ftp", "protocol | ftp | is not http, https, socks4 or socks5"},
        {"protocol", 1, "protocol | 1 | is not a protocol"},
        {"status", Json::array(), "status | [] | is not a status"},
        {"checked_at", 0, "checked_at | 0 | is not a time"},
        {"checked_at", "x", "checked_at | x | is not a time like 2026-01-31T08:00:00Z (RFC 3339)"},
        {"country", 7, "country | 7 | is not text"},
        {"country", "", "country |  | is empty"},
        {"asn", "7", "asn | 7 | is not a whole number"},
        {"latitude", "1", "latitude | 1 | is not a number"},
        {"latitude", 1, "longitude |  | is missing beside a latitude"},
        {"max_concurrency", 0, "max_concurrency | 0 | is below 1"},
        {"current_leases", -1, "current_leases | -1 | is below 0"},
        {"weight", false, "weight | false | is not a number"},
        {"tags", "x", "tags | x | is not a list"},
        {"tags", Json::array({"a", 7}), "tags[1] | 7 | is not text"},
        {"metadata", Json::array(), "metadata | [] | is not an object"},
        {"credentials", "hunter2", "credentials | *** | is not a JSON object"},
        {"credentials", Json::array({"hunter2"}), "credentials | *** | is not a JSON object"},
        {"credentials", Json::object({{"user", "hunter2"}}), "credentials.password |  | is missing"},
        {"credentials", Json::object({{"user", "u"}, {"password", 1234567}}),
         "credentials.password | *** | is not text"},
        {"credentials", Json::object({{"user", Json::array({"hunter2"})}, {"password", ""}}),
         "credentials.user | *** | is not text"},
        {"credentials", Json::object({{"user", "u"}, {"password", "p"}, {"template", "hunter2"}}),
         "credentials.template | *** | is not true or false"},
        {"credentials", Json::object({{"user", "u"}, {"password", "p"}, {"pass", "hunter2"}}),
         "credentials.pass |  | is not a known field"},
    };
    for (const auto& [field, value, refusal] : wrongs) {
        const auto read = [&] { return from_json<pharox::Proxy>(proxy_json().with(field, value)); };
        EXPECT_EQ(refusal_of(read), refusal);
        const std::string what = thrown_by<pharox::ValidationError>(read).what();
        EXPECT_EQ(what.find("hunter2"), std::string::npos) << what;
        EXPECT_EQ(what.find("1234567"), std::string::npos) << what;
    }
    EXPECT_EQ(refusal_of([] { return from_json<pharox::Proxy>(Json::array()); }),
              "proxy | [] | is not a JSON object");
    for (const Json& wrong : {Json("http://anna:hunter2@192.0.2.1:80"), Json::array({"hunter2"})}) {
        EXPECT_EQ(refusal_of([&] { return from_json<pharox::Proxy>(wrong); }),
                  "proxy | *** | is not a JSON object");
    }
}

TEST(Serialization, ErrorsNameTheFieldOfOtherModels) {
    RandomModels random(5);
    EXPECT_EQ(refusal_of([] { return from_json<pharox::ProxyPool>(Json::object()); }),
              "name |  | is missing");
    EXPECT_EQ(refusal_of([] { return from_json<pharox::ProxyPool>("x"); }),
              "pool | x | is not a JSON object");
    EXPECT_EQ(refusal_of([] { return from_json<pharox::Consumer>(Json::object({{"name", 1}})); }),
              "name | 1 | is not text");
    EXPECT_EQ(refusal_of([] { return from_json<pharox::Consumer>(Json()); }),
              "consumer | null | is not a JSON object");

    auto lease = random.lease();
    while (lease.status == pharox::LeaseStatus::released) lease = random.lease();
    const Json json = to_json(lease);
    const auto refusal = [&](const char* field, const Json& value) {
        return refusal_of([&] { return from_json<pharox::Lease>(json.with(field, value)); });
    };
    EXPECT_EQ(refusal("expires_at", *json.find("acquired_at")),
              "expires_at | " + *json.find("acquired_at")->as_string() + " | is not after acquired_at");
    EXPECT_EQ(refusal("status", "released"), "status | released | contradicts released_at or release_reason");
    EXPECT_EQ(refusal("release_reason", "expired"),
              "status | active | contradicts released_at or release_reason");
    EXPECT_EQ(refusal("fencing_token", 1.5), "fencing_token | 1.5 | is not a whole number");
    EXPECT_EQ(refusal("metadata", 1), "metadata | 1 | is not an object");
    EXPECT_EQ(refusal("pool_name", ""), "pool_name |  | is empty");
    EXPECT_EQ(refusal("token", 1), "token |  | is not a known field");

    EXPECT_EQ(
        refusal_of([&] {
            return from_json<pharox::PoolStatsSnapshot>(to_json(random.stats()).with("total_leases", -1));
        }),
        "total_leases | -1 | is below 0");
    const Json options = to_json(pharox::HealthCheckOptions{});
    EXPECT_EQ(
        refusal_of([&] { return from_json<pharox::HealthCheckOptions>(options.with("timeout_ms", 0)); }),
        "timeout_ms | 0 | is below 1");
    for (const Json& headers : {Json("Authorization: Bearer hunter2"), Json::array({"Cookie: hunter2"})}) {
        EXPECT_EQ(refusal_of([&] {
                      return from_json<pharox::HealthCheckOptions>(options.with("headers", headers));
                  }),
                  "headers | *** | is not a JSON object");
    }
    EXPECT_EQ(refusal_of([&] {
                  return from_json<pharox::HealthCheckOptions>(
                      options.with("headers", Json::object({{"Cookie", Json::array({"hunter2"})}})));
              }),
              "headers.Cookie | *** | is not text");
    EXPECT_EQ(refusal_of([&] {
                  return from_json<pharox::HealthCheckResult>(to_json(random.result()).with("failure", "x"));
              }).substr(0, 31),
              "failure | x | is not dns, conne");
    EXPECT_EQ(refusal_of([&] {
                  return from_json<pharox::ProxyHealthRecord>(to_json(random.record()).with("reachable", 1));
              }),
              "reachable | 1 | is not true or false");
}

TEST(Serialization, ErrorsNameTheFieldOfFilters) {
    const Wrong wrongs[] = {
        {"predicate", true, "predicate |  | is not a known field"},
        {"country", 7, "country | 7 | is not text"},
        {"country", Json::array({"AR", ""}), "country |  | is empty"},
        {"asn", Json::array({1, "2"}), "asn[1] | 2 | is not a whole number"},
        {"tags", "x", "tags | x | is not a list"},
        {"metadata", Json::array({Json::object({{"pointer", "/a"}})}), "metadata[0].equals |  | is missing"},
        {"metadata", Json::array({Json::object({{"pointer", "a"}, {"equals", 1}})}),
         "metadata[0].pointer | a | is not a JSON pointer like /plan/tier (RFC 6901)"},
        {"metadata", Json::array({Json::object({{"pointer", "/a"}, {"equals", 1}, {"not", 2}})}),
         "metadata[0].not |  | is not a known field"},
        {"any_of", Json::object(), "any_of | {} | is not a list"},
        {"any_of", Json::array({Json::object(), Json::object({{"radius_km", 1}})}),
         "any_of[1].latitude |  | is missing beside a radius_km"},
        {"none_of", Json::array({Json::object({{"all_of", Json::array({Json::object({{"x", 1}})})}})}),
         "none_of[0].all_of[0].x |  | is not a known field"},
        {"exclude", Json::array({"x"}), "exclude[0] | x | is not a UUID"},
        {"radius_km", 0, "latitude |  | is missing beside a radius_km"},
    };
    for (const auto& [field, value, refusal] : wrongs) {
        EXPECT_EQ(refusal_of([&] { return from_json<pharox::ProxyFilters>(Json::object({{field, value}})); }),
                  refusal);
    }
    EXPECT_EQ(refusal_of([] { return from_json<pharox::ProxyFilters>(Json::array()); }),
              "filters | [] | is not a JSON object");
}

TEST(Serialization, PredicatesCannotBeSerialised) {
    const pharox::ProxyFilters filters{
        .any_of = {{.none_of = {{.predicate = [](const pharox::Proxy&) { return true; }}}}}};
    EXPECT_EQ(refusal_of([&] { return to_json(filters); }), "predicate |  | cannot be serialised");
    std::ostringstream out;
    out << filters << ' '
        << pharox::ProxyFilters{.country = "AR", .predicate = filters.any_of[0].none_of[0].predicate};
    EXPECT_EQ(out.str(), "{…, predicate} {\"country\":\"AR\"} and predicate");
}

TEST(Serialization, PrintsTheJsonForm) {
    RandomModels random(9);
    std::ostringstream out;
    const auto pool = random.pool();
    const auto lease = random.lease();
    const auto stats = random.stats();
    const auto consumer = random.consumer();
    const auto filters = random.filters(3);
    out << pool << lease << stats << consumer << filters;
    EXPECT_EQ(out.str(), to_json(pool).dump() + to_json(lease).dump() + to_json(stats).dump() +
                             to_json(consumer).dump() + to_json(filters).dump());
}

}  // namespace
