// The changes that `proxy set` makes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace pharox::cli {

class ProxyChanges {
  public:
    ProxyChanges() = default;
    explicit ProxyChanges(ProxyStatus status) : new_status_(status) {}
    /// Must outlive the parse.
    void declare(CLI::App& command);
    /// Throws ValidationError for an invalid value, UsageError if there is no change.
    void parse();
    /// Applies the changes; returns whether the proxy differs afterwards.
    bool apply(Proxy& proxy) const;

  private:
    std::optional<std::string> max_concurrency_{}, weight_{}, country_{}, city_{}, isp_{}, source_{};
    std::vector<std::string> add_tags_{}, remove_tags_{};

    std::optional<ProxyStatus> new_status_{};
    std::optional<std::optional<int>> new_limit_{};
    std::optional<double> new_weight_{};
};

}  // namespace pharox::cli
