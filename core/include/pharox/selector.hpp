// Selectors: the sort orders by which proxies are picked.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace [[gnu::visibility("default")]] pharox {

/// Ties are broken by id. The *use sequence* is a number from a growing counter: a lease's start and end, and
/// a find with round_robin, give the proxy the next one. A proxy that was never used has 0.
enum class Selector : std::uint8_t {
    first_available,  ///< the most recently checked
    round_robin,      ///< the smallest use sequence: unused for longest
    least_used,       ///< the fewest active leases, then the smallest use sequence
    lowest_latency,   ///< proxies with a measured latency first, ascending
    random,           ///< equal shares in the long run
    weighted_random,  ///< shares by weight in the long run; weight 0 is never picked
};

std::string_view to_string(Selector selector) noexcept;
/// Throws ValidationError(field, text, …).
Selector parse_selector(std::string_view text, std::string_view field = "selector");
std::ostream& operator<<(std::ostream& out, Selector selector);

}  // namespace pharox
