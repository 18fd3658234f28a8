// What an adapter is doing, for its errors and retries.
#pragma once

#include <optional>
#include <string_view>

#include "pharox/model/id.hpp"

namespace pharox::sqlkit {

struct Operation {
    std::string_view name;
    std::optional<LeaseId> lease{};  ///< whose outcome an error leaves in doubt
    bool idempotent = false;         ///< may be repeated if its outcome is unknown
};

}  // namespace pharox::sqlkit
