#include "text.hpp"

#include <gtest/gtest.h>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

using namespace std::chrono_literals;

TEST(TextTest, ReadsDurations) {
    EXPECT_EQ(parse_duration("250ms", "duration"), 250ms);
    EXPECT_EQ(parse_duration("90s", "duration"), 90s);
    EXPECT_EQ(parse_duration("90", "duration"), 90s);
    EXPECT_EQ(parse_duration("1.5s", "duration"), 1500ms);
    EXPECT_EQ(parse_duration("0.3", "duration"), 300ms);
    EXPECT_EQ(parse_duration("5m", "duration"), 5min);
    EXPECT_EQ(parse_duration("1h", "duration"), 1h);
    EXPECT_EQ(parse_duration("2d", "duration"), 48h);
    EXPECT_EQ(parse_duration("1h30m", "duration"), 90min);
    EXPECT_EQ(parse_duration("1d2h3m4s5ms", "duration"), 26h + 3min + 4005ms);
    EXPECT_EQ(parse_duration("30d", "duration"), 720h);
    EXPECT_EQ(parse_duration("0", "wait"), 0s);
}

TEST(TextTest, RejectsInvalidDurations) {
    for (const std::string_view text : {"", "s", "-5s", "5 s", "5x", "30m1h", "1h1h", "1h30", "1e3", "0.5ms",
                                        "nan", "1..2s", "99999999999999999d", "31d", "2592000.001"})
        EXPECT_THROW(parse_duration(text, "duration"), ValidationError) << text;
    try {
        parse_duration("5x", "duration");
        FAIL();
    } catch (const ValidationError& error) {
        EXPECT_STREQ(error.what(), "duration: \"5x\" is not a duration such as 250ms, 90s, 5m, 1h30m or 2d");
    }
}

TEST(TextTest, ReadsDecimalNumbers) {
    EXPECT_EQ(parse_number<int>("010", "max-concurrency"), 10);
    EXPECT_EQ(parse_number<int>("-3", "max-concurrency"), -3);
    EXPECT_EQ(parse_number<std::int64_t>("4294967295", "asn"), 4'294'967'295);
    EXPECT_DOUBLE_EQ(parse_number<double>("010.5", "weight"), 10.5);
    EXPECT_DOUBLE_EQ(parse_number<double>("2e3", "weight"), 2000);
    for (const std::string_view text :
         {"", "0x10", "0b1", "1'000", "1_000", "+1", " 1", "1 ", "1.5", "1e3", "2147483648", "nan"})
        EXPECT_THROW(parse_number<int>(text, "max-concurrency"), ValidationError) << text;
    for (const std::string_view text : {"", "0x1p3", "0x10", "inf", "nan", "1,5", "1e999", "5 "})
        EXPECT_THROW(parse_number<double>(text, "weight"), ValidationError) << text;
    const auto complaint = [](const auto& parse) {
        try {
            parse();
        } catch (const ValidationError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(complaint([] { parse_number<int>("0x10", "max-concurrency"); }),
              "max-concurrency: \"0x10\" is not a whole decimal number up to 2147483647");
    EXPECT_EQ(complaint([] { parse_number<double>("0x1p3", "weight"); }),
              "weight: \"0x1p3\" is not a decimal number");
}

TEST(TextTest, ReadsCoordinates) {
    EXPECT_DOUBLE_EQ(parse_place("-34.6,-58.4", "near").latitude, -34.6);
    EXPECT_DOUBLE_EQ(parse_place("-34.6,-58.4", "near").longitude, -58.4);
    for (const std::string_view text : {"", ",", "1", "1,", "1,x", "1;2", "1, 2", "inf,0"})
        EXPECT_THROW(parse_place(text, "near"), ValidationError) << text;
}

TEST(TextTest, ReadsMetadataFilters) {
    const MetadataFilter text = parse_metadata_filter("/plan/tier=gold=24");
    EXPECT_EQ(text.path, (std::vector<std::string>{"plan", "tier"}));
    EXPECT_EQ(text.equals, Json("gold=24"));
    EXPECT_EQ(parse_metadata_filter("/n=3").equals, Json(3));
    EXPECT_EQ(parse_metadata_filter("/n=\"3\"").equals, Json("3"));
    EXPECT_EQ(parse_metadata_filter("/n=true").equals, Json(true));
    EXPECT_EQ(parse_metadata_filter("/n=null").equals, Json("null"));
    EXPECT_EQ(parse_metadata_filter("/a~1b=x").path, (std::vector<std::string>{"a/b"}));
    EXPECT_THROW(parse_metadata_filter("/plan"), ValidationError);
    EXPECT_THROW(parse_metadata_filter("plan=gold"), ValidationError);
}

TEST(TextTest, GroupsThousands) {
    EXPECT_EQ(with_thousands(0), "0");
    EXPECT_EQ(with_thousands(999), "999");
    EXPECT_EQ(with_thousands(4812), "4,812");
    EXPECT_EQ(with_thousands(1234567), "1,234,567");
    EXPECT_EQ(with_thousands(-1234), "-1,234");
    EXPECT_EQ(with_thousands(-123), "-123");
}

TEST(TextTest, EscapesControlCharacters) {
    EXPECT_EQ(printable("plain – ok"), "plain – ok");
    EXPECT_EQ(printable("a\x1b[31m\n\x7f"), "a\\x1b[31m\\x0a\\x7f");
    EXPECT_EQ(printable("\xC2\x9B"), "\\x9b");
    EXPECT_EQ(printable("a\xFF\xC3(\xED\xA0\x80\xF0\x9F\x98"), "a\\xff\\xc3(\\xed\\xa0\\x80\\xf0\\x9f\\x98")
        << "is not UTF-8";
    EXPECT_EQ(printable("é😀"), "é😀");
}

TEST(TextTest, HidesPossiblePasswords) {
    for (const std::string_view text :
         {"http://u:s3cret@h", "1.2.3.4:80:u:s3cret", "u:s3cret", "s3cret@h", "--storge:s3cret"}) {
        EXPECT_EQ(without_password(text), "***") << text;
        EXPECT_EQ(shown_argument(text), "***") << text;
    }
    EXPECT_EQ(without_password("list.txt"), "list.txt");
    EXPECT_EQ(shown_argument("--storge=postgresql://u:s3cret@h"), "--storge");
    EXPECT_EQ(shown_argument("--passwd=s3cret"), "--passwd");
    EXPECT_EQ(shown_argument("-xs3cret"), "-x");
    EXPECT_EQ(shown_argument("curl"), "curl");
    EXPECT_EQ(shown_argument("-"), "-");
}

TEST(TextTest, SuggestsTheNearestName) {
    const std::vector<std::string> pools = {"latam", "latin", "europe", "eu"};
    EXPECT_EQ(nearest("latm", pools), "latam");
    EXPECT_EQ(nearest("laatm", pools), "latam");
    EXPECT_EQ(nearest("erope", pools), "europe");
    EXPECT_EQ(nearest("ue", pools), "eu");
    EXPECT_EQ(nearest("asia", pools), std::nullopt);
    EXPECT_EQ(nearest("x", {}), std::nullopt);
}

}  // namespace
}  // namespace pharox::cli
