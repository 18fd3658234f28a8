#include "pharox/model/time.hpp"

#include <gtest/gtest.h>

#include <random>

#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::format_timestamp;
using pharox::parse_timestamp;
using pharox::Timestamp;

constexpr Timestamp at(std::chrono::year_month_day date, std::chrono::microseconds time = 0us) {
    return std::chrono::sys_days(date) + time;
}
constexpr std::chrono::year_month_day date(int year, unsigned month, unsigned day) {
    return std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
}

TEST(Time, WritesSixDecimalsAndZ) {
    EXPECT_EQ(format_timestamp(Timestamp{}), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_timestamp(at(date(2026, 1, 31), 8h + 1us)), "2026-01-31T08:00:00.000001Z");
    EXPECT_EQ(format_timestamp(Timestamp(-1us)), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(format_timestamp(at(date(0, 1, 1))), "0000-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_timestamp(at(date(9999, 12, 31), 24h - 1us)), "9999-12-31T23:59:59.999999Z");
}

struct Reading {
    const char* text;
    Timestamp instant;
};

TEST(Time, ReadsRfc3339) {
    const Reading readings[] = {
        {"2026-01-31T08:00:00Z", at(date(2026, 1, 31), 8h)},
        {"2026-01-31t08:00:00z", at(date(2026, 1, 31), 8h)},
        {"2026-01-31 08:00:00Z", at(date(2026, 1, 31), 8h)},
        {"2026-01-31T08:00:00.5Z", at(date(2026, 1, 31), 8h + 500ms)},
        {"2026-01-31T08:00:00.000123Z", at(date(2026, 1, 31), 8h + 123us)},
        {"2026-01-31T08:00:00+02:00", at(date(2026, 1, 31), 6h)},
        {"2026-01-31T08:00:00-03:30", at(date(2026, 1, 31), 11h + 30min)},
        {"2026-01-31T08:00:00-00:00", at(date(2026, 1, 31), 8h)},
        {"2026-01-01T00:30:00+01:00", at(date(2025, 12, 31), 23h + 30min)},
        {"2024-02-29T00:00:00Z", at(date(2024, 2, 29))},
        {"2000-02-29T00:00:00Z", at(date(2000, 2, 29))},
        {"1969-12-31T23:59:59.999999Z", Timestamp(-1us)},
    };
    for (const auto& [text, instant] : readings) EXPECT_EQ(parse_timestamp("t", text), instant) << text;
}

TEST(Time, RejectsInvalidInstants) {
    for (const std::string text :
         {"", "now", "2026-01-31", "2026-01-31T08:00Z", "2026-01-31T08:00:00", "2026-1-31T08:00:00Z",
          "26-01-31T08:00:00Z", "2026-00-31T08:00:00Z", "2026-13-01T08:00:00Z", "2026-02-29T08:00:00Z",
          "1900-02-29T08:00:00Z", "2026-04-31T08:00:00Z", "2026-01-00T08:00:00Z", "2026-01-32T08:00:00Z",
          "2026-01-31T24:00:00Z", "2026-01-31T08:60:00Z", "2026-01-31T08:00:60Z", "2026-01-31T08:00:00.Z",
          "2026-01-31T08:00:00.1234567Z", "2026-01-31T08:00:00,5Z", "2026-01-31T08:00:00+2:00",
          "2026-01-31T08:00:00+0200", "2026-01-31T08:00:00+24:00", "2026-01-31T08:00:00+01:60",
          "2026-01-31T08:00:00Z ", " 2026-01-31T08:00:00Z", "2026-01-31T08:00:00ZZ", "2026-01-31T-8:00:00Z",
          "+2026-01-31T08:00:00Z", "2026-01-31T08:00:00.5", "2026-01-31T08:00:00+",
          // More than four digits for the year:
          "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"}) {
        EXPECT_EQ(refusal_of([&] { return parse_timestamp("checked_at", text); }),
                  "checked_at | " + text + " | is not a time like 2026-01-31T08:00:00Z (RFC 3339)");
    }
}

TEST(Time, ReadsWhatItWrites) {
    std::mt19937_64 random(7);
    const auto first = at(date(0, 1, 1)).time_since_epoch().count();
    const auto last = at(date(9999, 12, 31)).time_since_epoch().count();
    std::uniform_int_distribution<std::int64_t> any(first, last);
    for (int i = 0; i < 10'000; ++i) {
        const Timestamp instant(std::chrono::microseconds(any(random)));
        EXPECT_EQ(parse_timestamp("t", format_timestamp(instant)), instant);
    }
}

}  // namespace
