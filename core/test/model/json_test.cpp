#include "pharox/model/json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>
#include <type_traits>

#include "test/thrown.hpp"

namespace {

using namespace std::string_literals;
using pharox::Json;

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::string nested(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, KnowsItsKind) {
    EXPECT_EQ(Json().kind(), Json::Kind::null);
    EXPECT_EQ(Json(true).kind(), Json::Kind::boolean);
    EXPECT_EQ(Json(1).kind(), Json::Kind::integer);
    EXPECT_EQ(Json(1.5).kind(), Json::Kind::number);
    EXPECT_EQ(Json("a").kind(), Json::Kind::string);
    EXPECT_EQ(Json::array().kind(), Json::Kind::array);
    EXPECT_EQ(Json::object().kind(), Json::Kind::object);
    EXPECT_FALSE((std::is_constructible_v<Json, int*>)) << "a pointer is not a bool";
}

TEST(Json, ReadsAndWrites) {
    const char* const text = R"({"a":[1,2.5,"x",true,null],"b":{"c":{}},"é":"\"\\\n"})";
    const Json json = Json::parse(text);
    EXPECT_EQ(json.dump(), text);
    EXPECT_EQ(Json::parse(json.dump_pretty()), json);
    std::ostringstream out;
    out << json;
    EXPECT_EQ(out.str(), text);
    EXPECT_EQ(json.size(), 3U);
    EXPECT_EQ(json.depth(), 3 - 1 + 1);
    EXPECT_EQ(json.find("a")->at(1), 2.5);
    EXPECT_EQ(json.find("a")->at(4).kind(), Json::Kind::null);
    EXPECT_FALSE(json.find("c"));
    EXPECT_FALSE(json.find("a")->find("a"));
    EXPECT_THROW(static_cast<void>(json.find("a")->at(5)), std::out_of_range);
    EXPECT_THROW(static_cast<void>(json.at(0)), std::out_of_range);
}

TEST(Json, WritesMembersInTheOrderOfTheirKeys) {
    EXPECT_EQ(Json::parse(R"({"b":1,"a":2})").dump(), R"({"a":2,"b":1})");
    EXPECT_EQ(Json::object({{"b", 1}, {"a", 2}}), Json::object({{"a", 2}, {"b", 1}}));
    std::string visited;
    Json::object({{"b", 1}, {"a", 2}}).for_each_member([&](const std::string& key, const Json& value) {
        visited += key + "=" + value.dump() + " ";
    });
    EXPECT_EQ(visited, "a=2 b=1 ");
}

TEST(Json, AccessorsAreEmptyForAnotherKind) {
    EXPECT_EQ(Json(2.0).as_integer(), 2);
    EXPECT_FALSE(Json(2.5).as_integer());
    EXPECT_FALSE(Json(9223372036854775808.0).as_integer());
    EXPECT_EQ(Json(-9223372036854775808.0).as_integer(), least);
    EXPECT_EQ(Json(3).as_number(), 3.0);
    EXPECT_FALSE(Json("3").as_number());
    EXPECT_FALSE(Json("3").as_integer());
    EXPECT_FALSE(Json(1).as_bool());
    EXPECT_EQ(Json(false).as_bool(), false);
    EXPECT_FALSE(Json(true).as_integer());
    EXPECT_FALSE(Json(1).as_string());
    EXPECT_EQ(Json("x").as_string(), "x");
    EXPECT_EQ(Json("xy").size(), 0U);
}

struct Comparison {
    Json left, right;
    bool equal;
};

TEST(Json, ComparesNumbersByTheirValue) {
    const Comparison comparisons[] = {
        {1, 1.0, true},
        {0, -0.0, true},
        {1, 1.5, false},
        {1, true, false},
        {1, "1", false},
        {0, Json(), false},
        {Json::parse("9007199254740993"), 9007199254740992.0, false},
        {Json::parse("9007199254740992"), 9007199254740992.0, true},
        {most, 9223372036854775808.0, false},
        {least, -9223372036854775808.0, true},
        {1e300, 1e300, true},
        {Json::array({1, 2}), Json::array({1.0, 2.0}), true},
        {Json::array({1, 2}), Json::array({2, 1}), false},
        {Json::object({{"a", Json::array({1})}}), Json::object({{"a", Json::array({1.0})}}), true},
        {Json::object({{"a", 1}}), Json::object({{"b", 1}}), false},
        {Json::object({{"a", 1}}), Json::object({{"a", 1}, {"b", 1}}), false},
        {Json::object(), Json::array(), false},
        {Json::object(), Json(), false},
        {"é", "e\xCC\x81", false},
    };
    for (const auto& [left, right, equal] : comparisons) {
        EXPECT_EQ(left == right, equal) << left << " and " << right;
        EXPECT_EQ(right == left, equal) << left << " and " << right;
    }
}

TEST(Json, Supports64BitIntegers) {
    for (const std::int64_t value : {least, least + 1, std::int64_t{-1}, std::int64_t{0}, most - 1, most}) {
        EXPECT_EQ(Json(value).dump(), std::to_string(value));
        EXPECT_EQ(Json::parse(std::to_string(value)).as_integer(), value);
        EXPECT_EQ(Json::parse(std::to_string(value)).kind(), Json::Kind::integer);
    }
}

TEST(Json, DoublesReadBackTheSame) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t bits = random();
        double value = 0;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isfinite(value)) continue;
        EXPECT_EQ(Json::parse(Json(value).dump()).as_number(), value);
    }
    for (const double value : {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(),
                               std::numeric_limits<double>::lowest(), 0.1, 1e22, 1e23, -0.0}) {
        EXPECT_EQ(Json::parse(Json(value).dump()).as_number(), value);
        EXPECT_EQ(Json::parse(Json(value).dump()).kind(), Json::Kind::number);
    }
    EXPECT_EQ(Json(0.1).dump(), "0.1");
}

struct Bad {
    std::string text;
    std::string refusal;  // without the field
};

TEST(Json, RefusesAndNamesTheField) {
    const Bad bads[] = {
        {"", " | is not JSON at byte 1"},
        {"{", " | is not JSON at byte 2"},
        {"{} x", " | is not JSON at byte 4"},
        {"[1,]", " | is not JSON at byte 4"},
        {"{'a':1}", " | is not JSON at byte 2"},
        {"{a:1}", " | is not JSON at byte 2"},
        {"// no\n1", " | is not JSON at byte 1"},
        {"NaN", " | is not JSON at byte 1"},
        {"-Infinity", " | is not JSON at byte 2"},
        {"01", " | is not JSON at byte 2"},
        {R"({"a":1,"a":2})", "a | is a duplicate key"},
        {R"({"a":1,"\u0061":2})", "a | is a duplicate key"},
        {R"([{"b":{"x":0,"x":0}}])", "x | is a duplicate key"},
        {"9223372036854775808", "*** | contains an integer beyond 64 bits, signed"},
        {"-9223372036854775809", "*** | contains an integer beyond 64 bits, signed"},
        {"[18446744073709551616]", "*** | contains an integer beyond 64 bits, signed"},
        {"1e400", " | contains a number that is not finite"},
        {"[-1e400]", " | contains a number that is not finite"},
        {R"("\ud800")", " | is not JSON at byte 8"},
        {R"("\udc00")", " | is not JSON at byte 7"},
        {R"("\ud800\u0041")", " | is not JSON at byte 13"},
        {R"("a\u0000b")", " | contains text with a NUL"},
        {R"({"a\u0000b":1})", " | contains text with a NUL"},
        {"\"a\0b\""s, " | is not JSON at byte 3"},
        {"\"\xFF\"", " | is not JSON at byte 2"},
        {"\"\xC0\x80\"", " | is not JSON at byte 2"},
        {"\"\xED\xA0\x80\"", " | is not JSON at byte 3"},
        {"\"a\nb\"", " | is not JSON at byte 3"},
    };
    for (const auto& [text, refusal] : bads) {
        EXPECT_EQ(refusal_of([&] { return Json::parse(text, Json::Limits{}, "metadata"); }),
                  "metadata | " + refusal)
            << text;
    }
}

TEST(Json, RefusedTextIsNeverShown) {
    const auto parsed =
        thrown_by<pharox::ValidationError>([] { return Json::parse(R"({"password":"hunter2\u0000"})"); });
    EXPECT_EQ(std::string(parsed.what()).find("hunter2"), std::string::npos) << parsed.what();
    EXPECT_EQ(parsed.value(), "");
    const auto made = thrown_by<pharox::ValidationError>([] { return Json("hunter2\xFF"); });
    EXPECT_EQ(std::string(made.what()).find("hunter2"), std::string::npos) << made.what();
}

TEST(Json, FactoriesApplyTheSameRules) {
    EXPECT_THROW(Json(std::nan("")), pharox::ValidationError);
    EXPECT_THROW(Json(-HUGE_VAL), pharox::ValidationError);
    EXPECT_THROW(Json("a\0b"s), pharox::ValidationError);
    EXPECT_THROW(Json("\xED\xA0\x80"), pharox::ValidationError);
    EXPECT_THROW(Json::object({{"a", 1}, {"a", 2}}), pharox::ValidationError);
    EXPECT_THROW(Json::object({{"\xFF", 1}}), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(Json::object().with("a\0"s, 1)), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(Json(1).with("a", 1)), std::logic_error);
    EXPECT_THROW(static_cast<void>(Json::object().with_element(1)), std::logic_error);
}

TEST(Json, LimitsDepthAndSize) {
    const Json::Limits limits{.bytes = 100, .depth = 32};
    EXPECT_EQ(Json::parse(nested(32), limits).depth(), 32);
    EXPECT_EQ(refusal_of([&] { return Json::parse(nested(33), limits, "metadata"); }),
              "metadata |  | is nested deeper than 32");
    EXPECT_EQ(Json::parse(R"({"a":)" + nested(31) + "}", limits).depth(), 32);
    EXPECT_THROW(Json::parse(R"({"a":)" + nested(32) + "}", limits), pharox::ValidationError);
    EXPECT_EQ(Json::parse("1", {.depth = 0}), 1);
    EXPECT_THROW(Json::parse("[]", {.depth = 0}), pharox::ValidationError);

    EXPECT_EQ(Json::parse('"' + std::string(98, 'x') + '"', limits).as_string()->size(), 98U);
    EXPECT_EQ(refusal_of([&] { return Json::parse('"' + std::string(99, 'x') + '"', limits, "metadata"); }),
              "metadata | 101 | bytes of JSON are more than 100");
    EXPECT_THROW(Json::parse(std::string(1'000'000, '[')), pharox::ValidationError);
}

TEST(Json, CopiesAreSharedAndImmutable) {
    Json inner;
    {
        const Json outer = Json::object({{"a", Json::object({{"b", "text"}})}});
        inner = *outer.find("a");
    }
    EXPECT_EQ(inner.find("b")->as_string(), "text") << "a part outlives the whole";

    const Json original = Json::object({{"a", 1}});
    const Json copy = original;  // NOLINT(performance-unnecessary-copy-initialization)
    const Json changed = original.with("a", 2).with("b", Json::array().with_element("x"));
    EXPECT_EQ(original, Json::object({{"a", 1}}));
    EXPECT_EQ(copy, original);
    EXPECT_EQ(changed.dump(), R"({"a":2,"b":["x"]})");
    EXPECT_EQ(Json().with("a", 1), original);
    EXPECT_EQ(Json().with_element(1), Json::array({1}));
}

}  // namespace
