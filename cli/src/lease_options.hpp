// The options of a lease, shared by `acquire` and `run`.
#pragma once

#include <string>

#include "filter_options.hpp"
#include "pharox/storage/storage.hpp"
#include "session.hpp"

namespace pharox::cli {

class LeaseOptions {
  public:
    /// Must outlive the parse.
    void declare(CLI::App& command);
    /// The request, with a new lease id, so that a repeat after an error of the store creates no second
    /// lease. Throws ValidationError.
    [[nodiscard]] AcquireRequest request() const;
    [[nodiscard]] const std::string& pool() const noexcept { return pool_; }

  private:
    std::string pool_;
    std::string consumer_;
    std::string duration_ = "5m";
    std::string wait_ = "0";
    std::string selector_ = "round_robin";
    FilterOptions filters_;
};

/// Prints the reason for a miss on standard error, and with --json on standard output too.
void report_miss(Session& session, const std::string& pool, Miss miss);

}  // namespace pharox::cli
