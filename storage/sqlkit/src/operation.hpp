// What an adapter is doing, for its errors and retries.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "pharox/model/id.hpp"

namespace pharox::sqlkit {

struct Operation {
    std::string_view name;
    std::optional<LeaseId> lease{};  ///< whose outcome an error leaves in doubt
    bool idempotent = false;         ///< may be repeated if its outcome is unknown
    /// Leases that the call ends or renews: waiting for a lock is of use until the last of them expires.
    std::span<const LeaseId> ends_or_renews{};
};

}  // namespace pharox::sqlkit
