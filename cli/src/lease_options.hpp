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
    /// With a lease id drawn, so that a repeat after an error of the store does not lease twice. Throws
    /// ValidationError.
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

/// Tells why nothing was leased: to people, and with --json to scripts.
void report_miss(Session& session, const std::string& pool, Miss miss);

}  // namespace pharox::cli
