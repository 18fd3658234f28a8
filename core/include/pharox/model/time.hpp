// Types for instants and durations.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] pharox {

/// An instant: UTC, whole microseconds since 1970. Stores may generate whole milliseconds.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
/// A duration in whole milliseconds.
using Duration = std::chrono::milliseconds;

inline constexpr Duration min_lease_duration = std::chrono::milliseconds(1);
inline constexpr Duration max_lease_duration = std::chrono::days(30);

/// The system's wall clock, for defaults of "created now" fields. Rules take a Clock instead.
inline Timestamp current_time() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// `2026-01-31T08:00:00.000000Z` (RFC 3339), always with six decimals.
std::string format_timestamp(Timestamp instant);
/// Parses RFC 3339 with `Z` or a numeric offset and up to six decimals. Throws ValidationError(field, text,
/// …).
Timestamp parse_timestamp(std::string_view field, std::string_view text);

}  // namespace pharox
