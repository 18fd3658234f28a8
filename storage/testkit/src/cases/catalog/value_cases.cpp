// Values are returned as they were stored.
#include <limits>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

void expect_back(Context& context, const ProxyPool& pool, const Edit& edit) {
    Proxy proxy = context.new_proxy(pool, edit);
    context.add_proxy(pool, [&](Proxy& it) { it = proxy; });
    ProxyFilters filters;
    filters.predicate = [&](const Proxy& it) { return it.id == proxy.id; };
    EXPECT_EQ(context.find(pool.name, filters), proxy);
    const auto acquired = context.acquire({.pool = pool.name, .filters = filters});
    ASSERT_TRUE(acquired);
    EXPECT_EQ(without_counter(acquired.proxy()), proxy);
    if (context.has_catalog()) {
        EXPECT_EQ(without_counter(context.catalog().get_proxy(proxy.id).value()), proxy);
        EXPECT_EQ(context.catalog().update_proxy(proxy).current_leases, 1);
        EXPECT_EQ(without_counter(context.catalog().get_proxy(proxy.id).value()), proxy);
    }
}

void every_field_comes_back(Context& context) {
    const auto pool = context.add_pool();
    expect_back(context, pool, {});
    expect_back(context, pool, [](Proxy& it) {
        it.host = "2001:db8::7";
        it.port = 65'535;
        it.protocol = ProxyProtocol::socks5;
        it.checked_at += std::chrono::microseconds(123'457);
        it.credentials = {.user = "user", .password = "pass"};
        it.source = "src";
        it.country = "AR";
        it.city = "Cordoba";
        it.isp = "Isp";
        it.asn = 4'294'967'295;
        it.latitude = -34.603722;
        it.longitude = -58.381592;
        it.latency_ms = 12.345678901234567;
        it.max_concurrency = std::numeric_limits<int>::max();
        it.weight = 0.1;
        it.tags = {"a", "b"};
        it.metadata = Json::object({{"k", "v"}});
    });
    expect_back(context, pool, [](Proxy& it) { it.host = "fe80::1%eth0"; });
    expect_back(context, pool, [](Proxy& it) {
        it.port = 1;
        it.asn = 0;
        it.latitude = it.longitude = 0.0;
        it.latency_ms = 0.0;
        it.max_concurrency = std::nullopt;
        it.weight = 0;
    });
    expect_back(context, pool, [](Proxy& it) {
        it.latitude = -90.0;
        it.longitude = 180.0;
        it.latency_ms = 5e-324;
        it.weight = std::numeric_limits<double>::max();
    });
}

void credentials_come_back(Context& context) {
    const auto pool = context.add_pool();
    expect_back(context, pool, [](Proxy& it) { it.credentials = {.user = "u", .password = ""}; });
    expect_back(context, pool, [](Proxy& it) { it.credentials = {.user = " u ", .password = " p "}; });
    expect_back(context, pool, [](Proxy& it) {
        it.credentials = {.user = "\xc3\xbc@/?#[]%20", .password = ":@/ '\"\\\xf0\x9f\xa6\x8a"};
    });
    expect_back(context, pool, [](Proxy& it) {
        it.country = "AR";
        it.credentials = {.user = "u-{country}-{lease}", .password = "{{literal}}", .template_ = true};
    });
    expect_back(context, pool, [](Proxy& it) {
        it.credentials = {.user = "{not a template", .password = "}", .template_ = false};
    });
    expect_back(context, pool, [](Proxy& it) {
        it.protocol = ProxyProtocol::socks5;
        it.credentials = {.user = std::string(255, 'u'), .password = std::string(255, 'p')};
    });
}

void text_comes_back_by_bytes(Context& context) {
    const auto pool = context.add_pool("\xc3\xa9t\xc3\xa9 \xf0\x9f\x8c\x9e");
    const std::string long_text(255, 'x');
    std::string many_bytes;  // 255 bytes of 3-byte characters
    for (int i = 0; i < 85; ++i) {
        many_bytes += "\xe7\xa7\xbb";
    }
    for (const std::string& text :
         {std::string("\xc3\xa9"), std::string("e\xcc\x81"), std::string(" both ends "),
          std::string("a\tb\nc\r"), std::string("\x01\x7f"), std::string("'\"\\;--%_"),
          std::string("\xf0\x9f\xa6\x8a"), std::string("\xef\xbb\xbfmark"), std::string("null"),
          std::string("NULL"), std::string("007"), std::string("a%20b%2C&amp;+"), std::string("a,b;c|d"),
          std::string("two  spaces"), std::string("\r\n"), std::string("k=v=w # x"),
          std::string("[1]{\"a\":2}"), long_text, many_bytes}) {
        expect_back(context, pool, [&](Proxy& it) {
            it.source = it.country = it.city = it.isp = text;
            it.tags = {text, "x"};
        });
    }
}

void metadata_come_back(Context& context) {
    const auto pool = context.add_pool();
    using Integers = std::numeric_limits<std::int64_t>;
    using Doubles = std::numeric_limits<double>;
    expect_back(context, pool, [](Proxy& it) {
        it.metadata = Json::object({{"max", Integers::max()},
                                    {"min", Integers::min()},
                                    {"odd", std::int64_t{9'007'199'254'740'993}},
                                    {"tenth", 0.1},
                                    {"huge", Doubles::max()},
                                    {"tiny", Doubles::denorm_min()},
                                    {"whole", 3.0},
                                    {"negative", -0.5},
                                    {"null", Json()},
                                    {"yes", true},
                                    {"empty", ""},
                                    {"no members", Json::object()},
                                    {"object", Json::object({{"null", Json()}, {"none", Json::array()}})},
                                    {"", "empty key"},
                                    {"a/b~c.d\"e", Json::array()},
                                    {"\xf0\x9f\xa6\x8a", "\x01\t\"\\/"}});
    });
    Json deep = Json::array({1});
    for (int i = 0; i < 15; ++i) {
        deep = Json::array({Json::object({{"d", deep}}), Json::object()});
    }
    expect_back(context, pool, [&](Proxy& it) { it.metadata = Json::object({{"deep", deep}}); });
    expect_back(context, pool,
                [](Proxy& it) { it.metadata = Json::object({{"x", std::string(16'000, 'x')}}); });
}

void times_come_back(Context& context) {
    const auto pool = context.add_pool();
    for (const std::int64_t microseconds :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{-123'456'789'123'457},
          std::int64_t{1'700'000'000'000'001}, std::int64_t{1'700'000'000'999'999},
          std::int64_t{9'007'199'254'740'993}, std::int64_t{253'402'300'799'999'999}}) {
        SCOPED_TRACE(microseconds);
        expect_back(context, pool,
                    [&](Proxy& it) { it.checked_at = Timestamp(std::chrono::microseconds(microseconds)); });
    }
}

}  // namespace

std::vector<Case> value_cases() {
    return {
        {"every_field_comes_back", {"J-01", "F-02"}, {}, every_field_comes_back},
        {"credentials_come_back", {"J-01"}, {}, credentials_come_back},
        {"text_comes_back_by_bytes", {"J-02"}, {}, text_comes_back_by_bytes},
        {"metadata_come_back", {"J-03"}, {}, metadata_come_back},
        {"times_come_back", {"J-04"}, {}, times_come_back},
    };
}

}  // namespace pharox::testkit
