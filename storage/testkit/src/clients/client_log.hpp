// Logs of clients. Exceeded limits are detected from these logs, never from the store's own records.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/id.hpp"

namespace pharox::testkit {

/// Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
std::int64_t monotonic_now();

/// One use of a proxy: from after the answer that granted it until before the call that gave it back.
struct Use {
    ProxyId proxy{};
    std::int64_t from = 0;
    std::int64_t to = 0;
};

/// How many uses of each proxy overlapped at most.
std::map<ProxyId, int> max_overlap(const std::vector<Use>& uses);
/// The largest of them; 0 for none.
int worst_overlap(const std::vector<Use>& uses);

/// To text and back, for handing a log from one process to another.
std::string format_uses(const std::vector<Use>& uses);
std::vector<Use> parse_uses(std::string_view text);

}  // namespace pharox::testkit
