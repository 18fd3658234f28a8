#include "pharox/model/time.hpp"

#include <array>
#include <cstdio>
#include <optional>

#include "model/rules.hpp"
#include "pharox/errors.hpp"

namespace pharox {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp first_instant =
    std::chrono::sys_days(std::chrono::year(0) / std::chrono::January / std::chrono::day(1));
constexpr Timestamp end_of_instants =
    std::chrono::sys_days(std::chrono::year(10'000) / std::chrono::January / std::chrono::day(1));

bool is_writable(Timestamp instant) { return instant >= first_instant && instant < end_of_instants; }

/// Parses text from left to right; after a mismatch it stays failed.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    int digits(std::size_t count) {
        int value = 0;
        if (rest_.size() < count) return fail();
        for (std::size_t i = 0; i < count; ++i) {
            if (rest_[i] < '0' || rest_[i] > '9') return fail();
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }
    char one_of(std::string_view characters) {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos)
            return static_cast<char>(fail());
        const char found = rest_.front();
        rest_.remove_prefix(1);
        return found;
    }
    microseconds fraction() {
        if (rest_.empty() || rest_.front() != '.') return microseconds(0);
        rest_.remove_prefix(1);
        int value = 0;
        std::size_t count = 0;
        while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
        if (count == 0 || count > 6) return microseconds(fail());
        value = digits(count);
        for (std::size_t i = count; i < 6; ++i) value *= 10;
        return microseconds(value);
    }
    [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }

  private:
    int fail() {
        failed_ = true;
        return 0;
    }
    std::string_view rest_;
    bool failed_ = false;
};

std::optional<Timestamp> read(std::string_view text) {
    Scanner scan(text);
    const int year = scan.digits(4);
    scan.one_of("-");
    const int month = scan.digits(2);
    scan.one_of("-");
    const int day = scan.digits(2);
    scan.one_of("Tt ");
    const int hour = scan.digits(2);
    scan.one_of(":");
    const int minute = scan.digits(2);
    scan.one_of(":");
    const int second = scan.digits(2);
    const microseconds fraction = scan.fraction();
    const char zone = scan.one_of("Zz+-");
    minutes offset{0};
    if (zone == '+' || zone == '-') {
        const int offset_hours = scan.digits(2);
        scan.one_of(":");
        const int offset_minutes = scan.digits(2);
        if (offset_hours > 23 || offset_minutes > 59) return std::nullopt;
        offset = hours(offset_hours) + minutes(offset_minutes);
        if (zone == '-') offset = -offset;
    }
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!scan.done() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    const Timestamp instant =
        std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
    return is_writable(instant) ? std::optional(instant) : std::nullopt;
}

}  // namespace

void validate_instant(const std::string& field, Timestamp instant) {
    if (is_writable(instant)) return;
    throw ValidationError(field, std::to_string(instant.time_since_epoch().count()),
                          "microseconds since 1970 are outside the years 0 to 9999");
}

std::string format_timestamp(Timestamp instant) {
    const auto day = std::chrono::floor<days>(instant);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(instant - day);
    std::array<char, 40> text{};
    const int length = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
        static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

Timestamp parse_timestamp(std::string_view field, std::string_view text) {
    if (const auto instant = read(text)) return *instant;
    throw ValidationError(std::string(field), text, "is not a time like 2026-01-31T08:00:00Z (RFC 3339)");
}

}  // namespace pharox
