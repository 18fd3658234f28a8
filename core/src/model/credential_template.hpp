// Credential templates: user and password as patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox {

/// A parsed pattern: literal text, attributes of the proxy, and values that only a lease has.
class CredentialTemplate {
  public:
    enum class Kind { literal, lease, session, country, city, metadata };
    struct Part {
        Kind kind = Kind::literal;
        std::string text{};               ///< of a literal
        std::vector<std::string> path{};  ///< of metadata
    };

    /// Throws ValidationError(field, hidden, …).
    static CredentialTemplate parse(std::string_view field, std::string_view pattern);

    /// The parts with all attributes filled in and adjacent literals joined; only literals, leases and
    /// sessions remain. Throws ValidationError(field, …) if the proxy lacks an attribute.
    [[nodiscard]] std::vector<Part> fill_attributes(std::string_view field, const Proxy& proxy) const;

  private:
    std::vector<Part> parts_;
};

}  // namespace pharox
