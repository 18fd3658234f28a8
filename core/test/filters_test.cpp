#include "pharox/filters.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "test/random_models.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::haversine_distance_km;
using pharox::Json;
using pharox::may_match;
using pharox::Proxy;
using pharox::ProxyFilters;
using pharox::ProxyId;
using pharox::ProxyProtocol;

Proxy somewhere(double latitude, double longitude) { return {.latitude = latitude, .longitude = longitude}; }

Proxy full() {
    return {.id = ProxyId::parse("0190abcd-0000-7000-8000-000000000001"),
            .protocol = ProxyProtocol::socks5,
            .source = "vendor",
            .country = "AR",
            .city = "Córdoba",
            .isp = "Telco",
            .asn = 7303,
            .tags = {"a", "b"},
            .metadata = Json::object({{"n", 1},
                                      {"text", "x"},
                                      {"on", true},
                                      {"list", Json::array({1})},
                                      {"a/b", Json::object({{"m~n", 2.5}, {"", "empty"}})}})};
}

struct Match {
    const char* what;
    ProxyFilters filters;
    bool matches;
};

void expect_matches(const Proxy& proxy, const std::vector<Match>& cases) {
    for (const auto& [what, filters, expected] : cases) {
        EXPECT_NO_THROW(validate(filters)) << what;
        EXPECT_EQ(matches(filters, proxy), expected) << what;
        EXPECT_EQ(may_match(filters, proxy), expected) << what << " (no predicate: the same)";
        EXPECT_EQ(matches({.none_of = {filters}}, proxy), !expected) << "none of " << what;
    }
}

TEST(Filters, OneValueOrAnyOfSeveral) {
    expect_matches(full(),
                   {{"nothing", {}, true},
                    {"country", {.country = "AR"}, true},
                    {"other country", {.country = "BR"}, false},
                    {"by bytes", {.country = "ar"}, false},
                    {"not by prefix", {.country = "A"}, false},
                    {"several", {.country = {"BR", "AR"}}, true},
                    {"several others", {.country = {"BR", "CL"}}, false},
                    {"empty list", {.country = std::vector<std::string>{}}, true},
                    {"source", {.source = "vendor"}, true},
                    {"isp", {.isp = "Telco"}, true},
                    {"city", {.city = "Córdoba"}, true},
                    {"other normal form", {.city = "Co\xCC\x81rdoba"}, false},
                    {"asn", {.asn = 7303}, true},
                    {"asns", {.asn = {0, 7303}}, true},
                    {"asn 0", {.asn = 0}, false},
                    {"protocol", {.protocol = ProxyProtocol::socks5}, true},
                    {"other protocol", {.protocol = {ProxyProtocol::http, ProxyProtocol::socks4}}, false},
                    {"all that is set", {.country = "AR", .asn = 1}, false},
                    {"tag", {.tags = {"a"}}, true},
                    {"all tags", {.tags = {"b", "a"}}, true},
                    {"one tag too many", {.tags = {"a", "c"}}, false},
                    {"excluded", {.exclude = {ProxyId::make(), full().id}}, false},
                    {"not excluded", {.exclude = {ProxyId::make()}}, true}});
}

TEST(Filters, MetadataAtAPath) {
    const auto at = [](std::vector<std::string> path, const Json& equals) {
        return ProxyFilters{.metadata = {{std::move(path), equals}}};
    };
    expect_matches(full(), {{"integer", at({"n"}, 1), true},
                            {"as double", at({"n"}, 1.0), true},
                            {"other", at({"n"}, 2), false},
                            {"number is no text", at({"n"}, "1"), false},
                            {"number is no bool", at({"n"}, true), false},
                            {"text", at({"text"}, "x"), true},
                            {"bool", at({"on"}, true), true},
                            {"false", at({"on"}, false), false},
                            {"absent", at({"absent"}, false), false},
                            {"into a scalar", at({"n", "x"}, 1), false},
                            {"into a list", at({"list", "0"}, 1), false},
                            {"list", at({"list"}, 1), false},
                            {"nested", at({"a/b", "m~n"}, 2.5), true},
                            {"empty key", at({"a/b", ""}, "empty"), true},
                            {"pointer text is no path", at({"/a~1b"}, 2.5), false},
                            {"object", at({"a/b"}, 2.5), false}});
}

TEST(Filters, AnAbsentAttributeEqualsNothing) {
    const Proxy bare{.protocol = ProxyProtocol::http};
    const std::vector<Match> cases{{"source", {.source = "x"}, false},
                                   {"country", {.country = {"AR", "BR"}}, false},
                                   {"city", {.city = "x"}, false},
                                   {"isp", {.isp = "x"}, false},
                                   {"asn", {.asn = 0}, false},
                                   {"tags", {.tags = {"a"}}, false},
                                   {"metadata", {.metadata = {{{"a"}, false}}}, false},
                                   {"position", {.latitude = 0.0, .longitude = 0.0}, false},
                                   {"circle", {.latitude = 0.0, .longitude = 0.0, .radius_km = 1e9}, false}};
    expect_matches(bare, cases);  // checks none_of as well
}

TEST(Filters, Nest) {
    const ProxyFilters yes{.country = "AR"};
    const ProxyFilters no{.country = "BR"};
    expect_matches(full(), {{"all", {.all_of = {yes, yes}}, true},
                            {"not all", {.all_of = {yes, no}}, false},
                            {"any", {.any_of = {no, yes}}, true},
                            {"not any", {.any_of = {no, no}}, false},
                            {"none", {.none_of = {no, no}}, true},
                            {"not none", {.none_of = {no, yes}}, false},
                            {"empty child", {.any_of = {ProxyFilters{}}}, true},
                            {"none of an empty child", {.none_of = {ProxyFilters{}}}, false},
                            {"twice none", {.none_of = {{.none_of = {yes}}}}, true},
                            {"all kinds", {.all_of = {yes}, .any_of = {no, yes}, .none_of = {no}}, true},
                            {"own too", {.country = "BR", .any_of = {yes}}, false},
                            {"deep", {.any_of = {{.all_of = {{.none_of = {no}}, yes}}}}, true}});
}

// ---- Where

struct Distance {
    const char* what;
    double latitude1, longitude1, latitude2, longitude2, kilometres;
};

TEST(Filters, HaversineDistances) {
    const double quarter = pharox::earth_radius_km * std::acos(0.0);
    const Distance distances[] = {
        {"nowhere", 12, 34, 12, 34, 0},
        {"a degree of latitude", 0, 0, 1, 0, quarter / 90},
        {"a degree at 60 north", 60, 0, 60, 1, 55.5969},
        {"pole to equator", 90, 0, 0, 77, quarter},
        {"pole to pole", 90, 0, -90, 123, 2 * quarter},
        {"antipodes", 30, 40, -30, -140, 2 * quarter},
        {"the pole has every longitude", 90, 0, 90, 180, 0},
        {"over the antimeridian", 0, 179.5, 0, -179.5, quarter / 90},
        {"both names of the antimeridian", 10, 180, 10, -180, 0},
        {"Buenos Aires to Madrid", -34.6037, -58.3816, 40.4168, -3.7038, 10044.9},
        {"Paris to New York", 48.8566, 2.3522, 40.7128, -74.0060, 5837.2},
        {"Nashville to Los Angeles", 36.12, -86.67, 33.94, -118.40, 2886.4},
    };
    for (const auto& [what, latitude1, longitude1, latitude2, longitude2, kilometres] : distances) {
        const double tolerance = std::max(1e-3, kilometres * 1e-4);
        EXPECT_NEAR(haversine_distance_km(latitude1, longitude1, latitude2, longitude2), kilometres,
                    tolerance)
            << what;
        EXPECT_NEAR(haversine_distance_km(latitude2, longitude2, latitude1, longitude1), kilometres,
                    tolerance)
            << what;
    }
}

TEST(Filters, RadiusIncludesItsBoundary) {
    const double degree = haversine_distance_km(0, 0, 1, 0);
    const double metre = 0.001;
    const auto circle = [](double latitude, double longitude, double radius) {
        return ProxyFilters{.latitude = latitude, .longitude = longitude, .radius_km = radius};
    };
    EXPECT_TRUE(matches(circle(0, 0, degree + metre), somewhere(1, 0)));
    EXPECT_FALSE(matches(circle(0, 0, degree - metre), somewhere(1, 0)));
    EXPECT_TRUE(matches(circle(5, 179.5, degree), somewhere(5, -179.6))) << "over the antimeridian";
    EXPECT_FALSE(matches(circle(5, 179.5, degree), somewhere(5, 0)));
    EXPECT_TRUE(matches(circle(90, 0, degree + metre), somewhere(89, 143))) << "around the pole";
    EXPECT_FALSE(matches(circle(90, 0, degree - metre), somewhere(89, 143)));
    EXPECT_TRUE(matches(circle(-89.5, 10, degree + metre), somewhere(-89.5, -170))) << "across the pole";
    EXPECT_TRUE(matches(circle(12, 34, 1e-9), somewhere(12, 34)));
    EXPECT_TRUE(matches(circle(12, 34, 20'100), somewhere(-12, -146))) << "the whole earth";
}

TEST(Filters, CoordinatesAreEqualWithinAMillionthOfADegree) {
    const ProxyFilters place{.latitude = 10.0, .longitude = -20.0};
    for (const auto& [latitude, longitude, expected] :
         {std::tuple(10.0, -20.0, true), std::tuple(10.0000009, -20.0000009, true),
          std::tuple(9.9999991, -19.9999991, true), std::tuple(10.0000011, -20.0, false),
          std::tuple(10.0, -20.0000011, false)}) {
        EXPECT_EQ(matches(place, somewhere(latitude, longitude)), expected) << latitude << ' ' << longitude;
    }
}

// ---- Validation

ProxyFilters nested(int depth) {
    ProxyFilters filters{.country = "AR"};
    for (int i = 1; i < depth; ++i) filters = {.any_of = {filters}};
    return filters;
}

struct Bad {
    ProxyFilters filters;
    std::string refusal;
};

TEST(Filters, ErrorsNameFieldValueAndRule) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const Bad bads[] = {
        {{.country = ""}, "country |  | is empty"},
        {{.source = {"a", ""}}, "source |  | is empty"},
        {{.city = std::string(256, 'x')}, "city | " + std::string(256, 'x') + " | is longer than 255 bytes"},
        {{.isp = "\xFF"}, "isp | \xFF | is not UTF-8"},
        {{.asn = -1}, "asn | -1 | is below 0"},
        {{.asn = {1, 4'294'967'296}}, "asn | 4294967296 | is above 4294967295"},
        {{.protocol = static_cast<ProxyProtocol>(9)}, "protocol | 9 | is not a protocol"},
        {{.tags = {"a", ""}}, "tags |  | is empty"},
        {{.metadata = {{{}, 1}}}, "metadata[0] |  | has no path"},
        {{.metadata = {{{"a"}, 1}, {{"b"}, Json()}}}, "metadata[1] | null | is not a text, number or bool"},
        {{.metadata = {{{"a"}, Json::array()}}}, "metadata[0] | [] | is not a text, number or bool"},
        {{.metadata = {{{"a"}, Json::object()}}}, "metadata[0] | {} | is not a text, number or bool"},
        {{.metadata = {{{"\xFF"}, 1}}}, "metadata[0] | \xFF | is not UTF-8"},
        {{.latitude = 1.0}, "longitude |  | is missing beside a latitude"},
        {{.longitude = 1.0}, "latitude |  | is missing beside a longitude"},
        {{.latitude = 91.0, .longitude = 0.0}, "latitude | 91.0 | is above 90.0"},
        {{.latitude = nan, .longitude = 0.0}, "latitude | nan | is not finite"},
        {{.radius_km = 1.0}, "latitude |  | is missing beside a radius_km"},
        {{.latitude = 0.0, .longitude = 0.0, .radius_km = 0.0}, "radius_km | 0 | is not above 0"},
        {{.latitude = 0.0, .longitude = 0.0, .radius_km = -1.0}, "radius_km | -1.0 | is below 0.0"},
        {{.latitude = 0.0, .longitude = 0.0, .radius_km = HUGE_VAL}, "radius_km | inf | is not finite"},
        {{.any_of = {{}, {.latitude = 0.0, .longitude = 0.0, .radius_km = -1.0}}},
         "any_of[1].radius_km | -1.0 | is below 0.0"},
        {{.none_of = {{.all_of = {{.country = ""}}}}}, "none_of[0].all_of[0].country |  | is empty"},
        {{.all_of = {{.exclude = {ProxyId::make()}}}}, "all_of[0].exclude |  | belongs at the root"},
        {{.exclude = std::vector<ProxyId>(1001)}, "exclude | 1001 | ids are more than 1000"},
    };
    for (const auto& [filters, refusal] : bads) {
        EXPECT_EQ(refusal_of([&] { return validate(filters), 0; }), refusal);
    }
    EXPECT_NO_THROW(validate(ProxyFilters{.exclude = std::vector<ProxyId>(1000)}));
}

TEST(Filters, NestToDepth16) {
    EXPECT_NO_THROW(validate(nested(16)));
    EXPECT_TRUE(matches(nested(16), full()));
    const auto error = thrown_by<pharox::ValidationError>([] { return validate(nested(17)), 0; });
    EXPECT_EQ(error.rule(), "levels of filters are more than 16");
    EXPECT_EQ(error.value(), "17");
    EXPECT_EQ(error.field().substr(0, 20), "any_of[0].any_of[0].");
    EXPECT_EQ(error.field().back(), ']');
}

TEST(Filters, KnowWhetherTheyAreEmpty) {
    EXPECT_TRUE(ProxyFilters{}.empty());
    const ProxyFilters set[] = {{.source = "x"},
                                {.asn = 0},
                                {.tags = {"x"}},
                                {.radius_km = 1.0},
                                {.any_of = {ProxyFilters{}}},
                                {.exclude = {ProxyId{}}},
                                {.predicate = [](const Proxy&) { return true; }}};
    for (const ProxyFilters& filters : set) EXPECT_FALSE(filters.empty());
    EXPECT_TRUE(set[6].has_predicate());
    EXPECT_FALSE(set[4].has_predicate());
    EXPECT_TRUE((ProxyFilters{.all_of = {{.any_of = {{.none_of = {set[6]}}}}}}.has_predicate()));
}

// ---- Pointers

TEST(Filters, PointersAreThoseOfRfc6901) {
    const std::pair<std::vector<std::string>, const char*> pointers[] = {{{"plan", "tier"}, "/plan/tier"},
                                                                         {{"a/b", "m~n"}, "/a~1b/m~0n"},
                                                                         {{""}, "/"},
                                                                         {{"", ""}, "//"},
                                                                         {{"~1"}, "/~01"},
                                                                         {{"0", "é "}, "/0/é "},
                                                                         {{"c%d"}, "/c%d"}};
    for (const auto& [path, text] : pointers) {
        EXPECT_EQ(pharox::to_pointer(path), text);
        EXPECT_EQ(pharox::parse_pointer(text), path);
    }
    EXPECT_EQ(pharox::to_pointer({}), "");
    for (const std::string text : {"", "plan", "a/b"}) {
        EXPECT_EQ(refusal_of([&] { return pharox::parse_pointer(text); }),
                  "metadata | " + text + " | is not a JSON pointer like /plan/tier (RFC 6901)");
    }
    for (const std::string text : {"/~", "/a~2", "/~/b", "/a~"}) {
        EXPECT_EQ(refusal_of([&] { return pharox::parse_pointer(text, "where"); }),
                  "where | " + text + " | contains a ~ that is not ~0 or ~1 (RFC 6901)");
    }
}

// ---- Predicates

/// A predicate that returns `answer` and counts its calls.
ProxyFilters::Predicate counted(int& calls, bool answer) {
    return [&calls, answer](const Proxy&) {
        ++calls;
        return answer;
    };
}

TEST(Filters, PredicateIsCalledOnlyIfNeeded) {
    int calls = 0;
    const ProxyFilters yes{.predicate = counted(calls, true)};
    const ProxyFilters no{.predicate = counted(calls, false)};
    struct Calls {
        const char* what;
        ProxyFilters filters;
        bool matches;
        int calls;
    };
    ProxyFilters elsewhere = yes;
    elsewhere.country = "BR";
    const Calls cases[] = {
        {"decides", yes, true, 1},
        {"decides against", no, false, 1},
        {"something else decided", elsewhere, false, 0},
        {"none_of something else", {.none_of = {elsewhere}}, true, 0},
        {"a sibling decided", {.any_of = {{.country = "BR"}}, .predicate = yes.predicate}, false, 0},
        {"a later list decided", {.all_of = {yes}, .any_of = {{.country = "BR"}}}, false, 0},
        {"any_of is true anyhow", {.any_of = {yes, {.country = "AR"}}}, true, 0},
        {"none_of is false anyhow", {.none_of = {no, {.country = "AR"}}}, false, 0},
        {"the first hit of any_of", {.any_of = {no, yes, yes}}, true, 2},
        {"the first miss of all_of", {.all_of = {yes, no, yes}}, false, 2},
        {"the first hit of none_of", {.none_of = {no, yes, yes}}, false, 2},
    };
    for (const auto& [what, filters, expected, expected_calls] : cases) {
        calls = 0;
        EXPECT_EQ(matches(filters, full()), expected) << what;
        EXPECT_EQ(calls, expected_calls) << what;
        calls = 0;
        EXPECT_TRUE(may_match(filters, full()) || !expected) << what;
        EXPECT_EQ(calls, 0) << "may_match calls none: " << what;
    }
}

TEST(Filters, ExceptionsOfPredicatesReachTheCaller) {
    const ProxyFilters filters{
        .none_of = {{.predicate = [](const Proxy&) -> bool { throw std::domain_error("mine"); }}}};
    EXPECT_THROW(static_cast<void>(matches(filters, full())), std::domain_error);
    EXPECT_TRUE(may_match(filters, full()));
}

TEST(Filters, MayMatchIsASupersetAlsoUnderNoneOf) {
    RandomModels random(4711);
    int matched = 0;
    int unknown = 0;
    for (int i = 0; i < 3'000; ++i) {
        const ProxyFilters filters = random.filters(4, [&]() -> ProxyFilters::Predicate {
            const bool answer = random.coin();
            return [answer](const Proxy& proxy) { return proxy.country.has_value() == answer; };
        });
        for (int j = 0; j < 5; ++j) {
            const Proxy proxy = random.small_proxy();
            const bool exact = matches(filters, proxy);
            const bool superset = may_match(filters, proxy);
            EXPECT_TRUE(superset || !exact) << filters << ' ' << proxy;
            if (!filters.has_predicate()) {
                EXPECT_EQ(superset, exact) << filters << ' ' << proxy;
            }
            matched += exact ? 1 : 0;
            unknown += superset && !exact ? 1 : 0;
        }
    }
    EXPECT_GT(matched, 100) << "too few matches for a meaningful test";
    EXPECT_GT(unknown, 100);
}

/// An independent evaluator of the filters, without short cuts.
bool plainly(const ProxyFilters& filters, const Proxy& proxy) {
    ProxyFilters own = filters;
    own.all_of = own.any_of = own.none_of = {};
    own.predicate = nullptr;
    const auto all = [&](const std::vector<ProxyFilters>& children, bool wanted) {
        bool result = true;
        for (const ProxyFilters& child : children) result = result && plainly(child, proxy) == wanted;
        return result;
    };
    bool any = filters.any_of.empty();
    for (const ProxyFilters& child : filters.any_of) any = any || plainly(child, proxy);
    return matches(own, proxy) && all(filters.all_of, true) && any && all(filters.none_of, false) &&
           (!filters.predicate || filters.predicate(proxy));
}

TEST(Filters, ShortCutsKeepTheResult) {
    RandomModels random(815);
    for (int i = 0; i < 5'000; ++i) {
        const ProxyFilters filters = random.filters(4, [&]() -> ProxyFilters::Predicate {
            const bool answer = random.coin();
            return [answer](const Proxy& proxy) { return proxy.source.has_value() == answer; };
        });
        const Proxy proxy = random.small_proxy();
        EXPECT_EQ(matches(filters, proxy), plainly(filters, proxy)) << filters << ' ' << proxy;
    }
}

}  // namespace
