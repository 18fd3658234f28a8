// The filter options that commands share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pharox/filters.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace pharox::cli {

class FilterOptions {
  public:
    /// Must outlive the parse.
    void declare(CLI::App& command);
    /// Throws ValidationError.
    [[nodiscard]] ProxyFilters filters() const;

  private:
    std::vector<std::string> source_{}, country_{}, city_{}, isp_{}, protocol_{}, tags_{}, metadata_{},
        exclude_{}, asn_{};
    std::optional<std::string> near_{}, radius_km_{};
};

}  // namespace pharox::cli
