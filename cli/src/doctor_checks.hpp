// The checks of `doctor`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session.hpp"

namespace pharox::cli {

enum class CheckStatus : std::uint8_t { ok, warning, failed, skipped };
std::string_view to_string(CheckStatus status) noexcept;

struct Check {
    std::string name;
    CheckStatus status = CheckStatus::ok;
    std::string detail{};  ///< what was found, and for a warning or failure what to do; no secret
};

/// Runs all checks. Creates no store and migrates none; the check of the store writes and rolls back.
std::vector<Check> run_checks(Session& session);

}  // namespace pharox::cli
